import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { loadConfig } from '../../src/config.ts';
import { sipSecret } from '../../src/domain/account/credentials.ts';
import { addFeed } from '../../src/domain/calls/feed.ts';
import { type OpenService, openService } from '../../src/open-service.ts';
import { type Child, startChild } from '../support/child.ts';
import { cloneDatabase, databaseUrl } from '../support/postgres.ts';
import { startProxy } from '../support/proxy.ts';
import { post } from '../support/service.ts';
import { freePort, type Phone, REALM, type Switch, startSwitch } from './switch.ts';

const PROGRAM = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const DEPLOY = fileURLToPath(new URL('../../deploy/kamailio/', import.meta.url));
const KAMAILIO_TABLES = '/usr/share/kamailio/postgres';
const ACTOR = { who: 'operator test', from: 'test' };

export interface Customer extends Phone {
  apikey: string;
}

/** The service in a process of its own, and a Kamailio that works with it. */
export interface System {
  url: string;
  /** the same database, for the operator's side */
  service: OpenService;
  sip: Switch;
  /** how to connect as Kamailio's role */
  kamailioUrl: string;
  /** a customer who signs up; the SIP secret is read as the portal reads it */
  signUp: () => Promise<Customer>;
  /** calls an operation of the API. @returns status and body */
  ask: (operation: string, apikey: string) => ReturnType<typeof post>;
  startService: () => Promise<void>;
  /** ends the service at once, as a crash does */
  killService: () => Promise<void>;
  stop: () => Promise<void>;
}

export async function startSystem(settings: Record<string, string> = {}): Promise<System> {
  requirePrograms();
  const folder = await mkdtemp(join(tmpdir(), 'account-api-test-'));
  const { connection, drop } = await cloneDatabase();
  const secretKeyFile = join(folder, 'secret.key');
  await writeFile(secretKeyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const port = await freePort('tcp');
  const env = {
    DATA_DIR: folder,
    DATABASE_URL: databaseUrl(connection),
    SECRET_KEY_FILE: secretKeyFile,
    SIP_REALM: REALM,
    PORT: String(port),
    RATE_LIMIT_PER_HOUR: '0',
    SIGNUP_LIMIT_PER_HOUR: '0',
    ...settings,
  };
  let child: Child | undefined;
  const startService = async () => {
    child = startChild([process.execPath, PROGRAM], { env: { PATH: process.env.PATH, ...env } });
    await child.line(/Account API is ready/);
  };
  const killService = async () => {
    child?.kill('SIGKILL', 'group');
    await child?.ended;
  };
  await startService();
  const service = await openService(loadConfig(env), { role: 'command', onError: () => undefined });
  const feed = { format: 'kamailio', networks: ['127.0.0.1'], debits: 'service', timeZone: 'UTC' };
  const secret = await addFeed(
    service.db,
    ACTOR,
    service.keyring,
    { name: 'kamailio-1', ...feed } as never,
    new Date(),
  );

  const proxy = await startProxy();
  const through = proxy.through(connection);
  const kamailioUrl = `postgres://kamailio:password@127.0.0.1:${through.port}/${through.database}`;
  const scripts = async (owner: pg.ClientConfig, files: string[]) => {
    const client = new pg.Client(owner);
    await client.connect();
    for (const file of files) await client.query(await readFile(file, 'utf8'));
    await client.end();
  };
  await scripts(connection, [join(DEPLOY, 'database.sql')]);
  const tables = ['standard-create.sql', 'usrloc-create.sql', 'dialog-create.sql'];
  await scripts(
    { connectionString: kamailioUrl },
    tables.map((name) => join(KAMAILIO_TABLES, name)),
  );
  await scripts(connection, [join(DEPLOY, 'contacts.sql')]);

  const ingest = `http://kamailio-1:${secret}@127.0.0.1:${port}/ingest/v1`;
  const sip = await startSwitch({ database: kamailioUrl, ingest });
  const url = `http://127.0.0.1:${port}`;
  const operation = (name: string, body: object) => post(`${url}/v2.1/account/${name}/`, body);
  return {
    url,
    service,
    sip,
    kamailioUrl,
    signUp: async () => {
      const email = `user-${randomBytes(6).toString('hex')}@example.com`;
      const created = await operation('signup', { name: 'Example Company', email });
      const { username, password } = created.body.account;
      const { body } = await operation('apikey', { username, password });
      const tools = { keyring: service.keyring, realm: REALM };
      const sipCredentials = await sipSecret(service.db, tools, username, new Date());
      return { username, apikey: body.apikey, secret: sipCredentials.secret };
    },
    ask: (name, apikey) => operation(name, { apikey }),
    startService,
    killService,
    stop: async () => {
      await sip.stop();
      await killService();
      await service.close();
      await proxy.close();
      await drop();
      const client = new pg.Client(JSON.parse(process.env.TEST_CONNECTION ?? '{}'));
      await client.connect();
      await client.query('DROP ROLE kamailio');
      await client.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function requirePrograms(): void {
  const missing = ['kamailio', 'sipp'].filter((name) => spawnSync(name, ['-v']).error);
  if (missing.length === 0) return;
  throw new Error(
    `${missing.join(' and ')} must be installed: apt-get install kamailio kamailio-postgres-modules ` +
      'kamailio-extra-modules kamailio-utils-modules sip-tester',
  );
}
