import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { ParsedMail } from 'mailparser';
import type pg from 'pg';
import { buildApp } from '../../src/app.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { Database } from '../../src/db/database.ts';
import { Queue } from '../../src/db/queue.ts';
import { HourlyLimit } from '../../src/domain/access/hourly-limit.ts';
import { createStaff } from '../../src/domain/account/administrator.ts';
import type { Actor } from '../../src/domain/audit.ts';
import { ensureCurrentPartitions } from '../../src/domain/calls/call-partition.ts';
import { addFeed, type Feed } from '../../src/domain/calls/feed.ts';
import type { StaffRole } from '../../src/domain/role.ts';
import { openKeyring } from '../../src/domain/sealing/keyring.ts';
import { createLog } from '../../src/http/log.ts';
import { startJobs } from '../../src/jobs/index.ts';
import { readMailTexts } from '../../src/mail/read-texts.ts';
import { folderTransport, type MailTransport } from '../../src/mail/transport.ts';
import { readKeyFile } from '../../src/secret-key.ts';
import type { Service } from '../../src/service.ts';
import { type DocumentedAnswers, watchAnswers } from './documented-answers.ts';
import { cloneDatabase, databaseUrl } from './postgres.ts';
import { type Visited, Visitor } from './visitor.ts';

const MAIL_WAIT_MS = 60_000;

/** The actor for changes in tests. */
export const TESTER: Actor = { who: 'tester', from: 'test' };

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the answer
  body: any;
}

export interface TestService {
  url: string;
  service: Service;
  folder: string;
  /** settings for a command on the same database and key */
  env: Record<string, string>;
  /** the whole log as text, until the service stops */
  logged: () => string;
  /** moves the service's clock; it starts at the real time */
  advance: (seconds: number) => void;
  /** calls an operation; `key` goes into the Authorization header */
  call: (operation: string, body?: unknown, key?: string) => Promise<Answer>;
  administrator: (
    role?: StaffRole,
  ) => Promise<{ username: number; password: string; apikey: string }>;
  signUp: (
    email?: string,
    promo?: string,
  ) => Promise<{ username: number; password: string; apikey: string; email: string }>;
  /** a feed's Authorization header */
  feed: (format: Feed['format'], options?: Partial<Feed>) => Promise<string>;
  /** waits until the address has got this many mails; oldest first */
  mails: (address: string, count?: number) => Promise<ParsedMail[]>;
  stop: () => Promise<void>;
}

/** A service whose answers are checked against its documents. */
export interface DocumentedService extends TestService {
  answers: DocumentedAnswers;
}

/**
 * The service of all tests of a file: started before the first of them, stopped after the last.
 * @param setUp what else is made before the tests
 * @returns its members are there from `setUp` on
 */
export function sharedService(
  env: Record<string, string> = {},
  setUp: () => Promise<void> = async () => undefined,
): TestService {
  const service = {} as TestService;
  before(async () => {
    Object.assign(service, await startService(env));
    await setUp();
  });
  after(() => service.stop());
  return service;
}

type Start = [
  /** settings that differ from the defaults; limits are off unless set */
  env?: Record<string, string>,
  transport?: MailTransport | undefined,
  /** changes the connection to the database; default: direct */
  through?: (connection: pg.ClientConfig) => pg.ClientConfig,
];

/** The whole service on a separate database, with real HTTP on a free port and mails in a folder. */
export function startService(...settings: Start): Promise<TestService> {
  return start(async () => undefined, ...settings);
}

/** @param watch gets the server before its first request */
async function start(
  watch: (app: FastifyInstance) => Promise<void>,
  ...[env = {}, transport, through = (connection) => connection]: Start
): Promise<TestService> {
  // A start that fails halfway ends what it began, so that the test file can end.
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'account-api-test-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const clone = await cloneDatabase();
  started.defer(() => clone.drop());
  const connection = through(clone.connection);
  const config: Config = loadConfig({
    DATA_DIR: folder,
    RATE_LIMIT_PER_HOUR: '0',
    SIGNUP_LIMIT_PER_HOUR: '0',
    RECOVER_LIMIT_PER_HOUR: '0',
    ...env,
  });
  const chunks: string[] = [];
  // A process that runs many files keeps each service.
  started.defer(() => void chunks.splice(0));
  const log = createLog(
    'trace',
    new Writable({
      write: (chunk, _encoding, done) => {
        chunks.push(String(chunk));
        done();
      },
    }),
  );
  const db = new Database({ connection, poolSize: 10, onError: (error) => log.error(error) });
  started.defer(() => db.close());
  const keyFile = join(folder, 'secret.key');
  await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const keyring = await openKeyring(db, () => readKeyFile(keyFile));
  let offsetMs = 0;
  const clock = () => new Date(Date.now() + offsetMs);
  await ensureCurrentPartitions(db, clock());
  const queue = await Queue.open(connection, 'worker', (error) => log.error(error));
  started.defer(() => queue.stop());
  const signInFailures = new HourlyLimit(db, 'sign-in', config.signInFailuresPerHour);
  const service: Service = { config, db, reader: db, queue, keyring, signInFailures, clock };
  const app = await buildApp(service, log);
  started.defer(async () => void (await app.close()));
  await watch(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const mailFolder = join(folder, 'mail');
  const sender = {
    publicUrl: config.publicUrl ?? url,
    brand: config.brand,
    currency: config.currency,
    texts: readMailTexts(config),
    language: config.language,
  };
  const stopJobs = await startJobs(service, transport ?? folderTransport(mailFolder), sender, log);
  started.defer(stopJobs);
  const toStop = started.move();

  const call: TestService['call'] = (operation, body, key) =>
    post(`${url}/v2.1/account/${operation}/`, body, key ? { authorization: `Bearer ${key}` } : {});

  return {
    url,
    service,
    folder,
    env: { DATA_DIR: folder, DATABASE_URL: databaseUrl(connection), SECRET_KEY_FILE: keyFile },
    logged: () => {
      assert.ok(chunks.length > 0, 'the log ends with the service');
      return chunks.join('');
    },
    advance: (seconds) => {
      offsetMs += seconds * 1_000;
    },
    call,
    administrator: (role = 'administrator') =>
      createStaff(
        db,
        TESTER,
        { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm },
        {
          name: 'Administrator',
          role,
          email: `administrator-${randomBytes(4).toString('hex')}@example.net`,
        },
      ),
    signUp: async (email = `user-${randomBytes(6).toString('hex')}@example.com`, promo) => {
      const created = await call('signup', { name: 'Example Company', email, promo });
      assert.equal(created.status, 200, JSON.stringify(created.body));
      const { username, password } = created.body.account;
      const { body } = await call('apikey', { username, password });
      return { username, password, apikey: body.apikey, email };
    },
    feed: async (format, options = {}) => {
      const name = `${format}-${randomBytes(4).toString('hex')}`;
      const feed: Feed = {
        name,
        format,
        networks: [],
        debits: 'service',
        timeZone: 'UTC',
        ...options,
      };
      const secret = await addFeed(db, TESTER, { keyring, now: clock() }, feed);
      return `Basic ${Buffer.from(`${feed.name}:${secret}`).toString('base64')}`;
    },
    mails: (address, count = 1) => waitForMails(mailFolder, address, count),
    stop: () => toStop.disposeAsync(),
  };
}

/** The same; at the end it asserts that every answer equals its document. */
export async function startDocumented(...settings: Start): Promise<DocumentedService> {
  let answers: DocumentedAnswers | undefined;
  const api = await start(
    async (app) => {
      answers = await watchAnswers(app);
    },
    ...settings,
  );
  assert.ok(answers);
  const { assertAll } = answers;
  const stop = async () => {
    await api.stop();
    assertAll();
  };
  return { ...api, answers, stop };
}

/** @param body an object is sent as JSON; text and bytes are sent unchanged */
export async function post(
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array || body === undefined;
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...(raw ? {} : { 'content-type': 'application/json' }), ...headers },
    body: raw ? (body as string | Buffer<ArrayBuffer> | undefined) : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}

/** Sends a request again while it is answered 503, as many at once may be on a busy machine. */
export async function untilServed<A extends { status: number }>(ask: () => Promise<A>): Promise<A> {
  let answer = await ask();
  for (; answer.status === 503; answer = await ask()) await sleep(200);
  return answer;
}

interface Received {
  mtimeMs: number;
  mail: ParsedMail;
}

/** Each mail file is parsed once, however often its folder is looked at. */
const received = new Map<string, Promise<Received>>();

async function readReceived(path: string): Promise<Received> {
  // Loaded here because most test files read no mail.
  const { simpleParser } = await import('mailparser');
  const { mtimeMs } = await stat(path);
  return { mtimeMs, mail: await simpleParser(await readFile(path)) };
}

async function waitForMails(folder: string, address: string, count: number): Promise<ParsedMail[]> {
  for (const deadline = Date.now() + MAIL_WAIT_MS; ; await sleep(50)) {
    const files = await readdir(folder).catch(() => []);
    const mails = await Promise.all(
      files
        .filter((name) => name.endsWith('.eml'))
        .map((name) => {
          const path = join(folder, name);
          const mail = received.get(path) ?? readReceived(path);
          received.set(path, mail);
          return mail;
        }),
    );
    const found = mails.filter(({ mail }) =>
      JSON.stringify(mail.to).toLowerCase().includes(address.toLowerCase()),
    );
    if (found.length >= count) {
      return found.sort((a, b) => a.mtimeMs - b.mtimeMs).map(({ mail }) => mail);
    }
    assert.ok(Date.now() < deadline, `${found.length} of ${count} mails to ${address} came`);
  }
}

/** The first link of a mail to a page of the portal. */
export function linkIn(mail: ParsedMail | undefined, page: 'verify' | 'reset'): string {
  const link = mail?.text?.match(new RegExp(`\\S+/${page}\\?token=\\S+`))?.[0];
  assert.ok(link, `no ${page} link in the mail`);
  return link;
}

/** Fills in and sends the form of a link's page. */
export async function submit(link: string, fields: Record<string, string> = {}): Promise<Visited> {
  const { origin, pathname } = new URL(link);
  const visitor = new Visitor(origin);
  const page = await visitor.open(link);
  if (page.status !== 200) return page;
  return visitor.submit(pathname, fields);
}
