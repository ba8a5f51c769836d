import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait.ts';
import { sidCommand, sidLibraries } from '../switches/sid.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/kamailio/', import.meta.url));
const SCENARIOS = fileURLToPath(new URL('.', import.meta.url));
const HOST = '127.0.0.1';
// The address of the carrier's calls; phones are at HOST.
const CARRIER = '127.0.0.2';
export const REALM = 'sip.example.com';

/** Values that replace the settings an operator edits. */
export interface SwitchSettings {
  /** of Kamailio's database role; undefined: all requests use HTTP */
  database?: string;
  /** the service's address with the credentials of a feed */
  ingest: string;
  /** of Kamailio's shared memory; 64 are enough for tests */
  sharedMegabytes?: number;
}

/** A running Kamailio with the configuration of deploy/, and a trunk that answers calls. */
export interface Switch extends SipServer {
  log: () => string;
  /** how the trunk treats calls; initially it answers */
  setTrunk: (behaviour: 'answer' | 'busy') => Promise<void>;
  /** the request URIs of the INVITEs at the trunk since `setTrunk`, without those within a call */
  dialled: () => Promise<string[]>;
  /** how many BYEs the trunk got since `setTrunk` */
  ended: () => Promise<number>;
  /** kills it, like a crash */
  kill: () => Promise<void>;
  /** @param uses how Kamailio uses the service; default: the database if the settings name one */
  start: (uses?: 'database' | 'http') => Promise<void>;
  stop: () => Promise<void>;
}

export async function startSwitch(settings: SwitchSettings): Promise<Switch> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-kamailio-'));
  const [port, trunkPort] = [await freePort('udp'), await freePort('udp')];
  await copyFile(join(DEPLOY, 'kamailio.cfg'), join(folder, 'kamailio.cfg'));
  await writeFile(
    join(folder, 'settings.cfg'),
    withValues(await readFile(join(DEPLOY, 'settings.cfg'), 'utf8'), {
      SIP_REALM: REALM,
      LISTEN: `udp:${HOST}:${port}`,
      TRUNK: `sip:${HOST}:${trunkPort}`,
      CARRIER_NETWORKS: `192.0.2.0/24, ${CARRIER}`,
      DATABASE: settings.database ?? 'none',
      INGEST: settings.ingest,
      RUN_DIR: folder,
    }),
  );
  const messages = join(folder, 'trunk.log');
  let trunk: Child | undefined;
  const setTrunk = async (behaviour: 'answer' | 'busy') => {
    trunk?.kill('SIGKILL', 'group');
    await trunk?.ended;
    await rm(messages, { force: true });
    const log = ['-trace_msg', '-message_file', messages];
    trunk = startSipp(folder, `${behaviour}.xml`, ['-p', String(trunkPort), ...log]);
  };
  const received = () => readFile(messages, 'utf8').catch(() => '');
  const dialled = async () => {
    const text = await received();
    // The trunk's own Contact, where a call goes on, has no user.
    return [...text.matchAll(/^INVITE (\S+@\S+) SIP/gm)].map(([, uri = '']) => uri);
  };
  await setTrunk('answer');
  let kamailio: Child | undefined;
  let log = '';
  const kill = async () => {
    kamailio?.kill('SIGKILL', 'group');
    await kamailio?.ended;
    log += kamailio?.output() ?? '';
    kamailio = undefined;
  };
  const start = async (uses = settings.database ? 'database' : 'http') => {
    const file = join(folder, 'kamailio.cfg');
    const memory = ['-m', String(settings.sharedMegabytes ?? 64), '-M', '8'];
    const options = ['-f', file, '-DD', '-E', '-Y', folder, '-w', folder, ...memory];
    const defined = uses === 'database' ? ['-A', 'WITH_DATABASE'] : [];
    kamailio = startChild([...kamailioCommand(), ...options, ...defined], {
      env: { PATH: process.env.PATH, TZ: 'UTC' },
    });
    await Promise.race([
      waitUntil(() => answers(port)),
      kamailio.ended.then((status) => {
        throw new Error(`Kamailio ended with ${status}: ${kamailio?.output()}`);
      }),
    ]);
  };
  await start();
  return {
    port,
    challenge: 407,
    log: () => log + (kamailio?.output() ?? ''),
    setTrunk,
    dialled,
    ended: async () => [...(await received()).matchAll(/^BYE /gm)].length,
    kill,
    start,
    stop: async () => {
      await kill();
      trunk?.kill('SIGKILL', 'group');
      await trunk?.ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The machine's Kamailio or, with KAMAILIO=sid in the environment, that of Debian's sid. */
export function kamailioCommand(): string[] {
  if (process.env.KAMAILIO !== 'sid') return ['kamailio'];
  return [...sidCommand('usr/sbin/kamailio'), '-L', join(sidLibraries(), 'kamailio/modules')];
}

/** Replaces the values of `#!substdef "!NAME!value!g"`; each name must exist. */
function withValues(settings: string, values: Record<string, string>): string {
  return Object.entries(values).reduce((text, [name, value]) => {
    const line = new RegExp(`^#!substdef "!${name}!.*!g"$`, 'm');
    if (!line.test(text)) throw new Error(`there is no setting ${name}`);
    return text.replace(line, () => `#!substdef "!${name}!${value}!g"`);
  }, settings);
}

export interface Phone {
  /** its SIP user */
  username: number | string;
  /** SIP secret */
  secret: string;
}

/** A SIP server that phones send requests to. */
export interface SipServer {
  port: number;
  /** the status of its digest challenge */
  challenge: 401 | 407;
}

interface SippResult {
  status: number | NodeJS.Signals;
  output: string;
}

/** REGISTER with digest authentication. @returns sipp's result: status 0 for success */
export function register(
  at: SipServer,
  phone: Phone,
  fields: {
    contact: string;
    expires?: number;
    agent?: string;
    user?: number | string;
    port?: number;
  },
): Promise<SippResult> {
  const { contact, expires = 60, agent = 'Zoiper rv2.8.97/', user = phone.username } = fields;
  const values = [user, credentials(phone), expires, agent];
  const port = fields.port ? ['-p', String(fields.port)] : [];
  return runSipp(at, 'register.xml', values, ['-key', 'contact', contact, ...port]);
}

/** A phone that has registered and answers calls. @returns a function that ends it */
export async function answeringPhone(at: SipServer, phone: Phone): Promise<() => Promise<void>> {
  const port = await freePort('udp');
  const contact = `<sip:${phone.username}@${HOST}:${port}>`;
  const registered = await register(at, phone, { contact, port });
  if (registered.status !== 0) throw new Error(registered.output);
  const folder = await mkdtemp(join(tmpdir(), 'account-api-sipp-'));
  const sipp = startSipp(folder, 'answer.xml', ['-p', String(port)]);
  return async () => {
    sipp.kill('SIGKILL', 'group');
    await sipp.ended;
    await rm(folder, { recursive: true, force: true });
  };
}

/** An INVITE without digest, by default from the carrier; it hangs up after the given seconds. */
export function carrierCall(
  at: SipServer,
  call: { number: string; seconds?: number; from?: string; caller?: string },
): Promise<SippResult> {
  const { number, seconds = 0, from = CARRIER, caller = '2125550100' } = call;
  const values = [caller, '', number, 'Alice', caller];
  return runSipp(at, 'incoming.xml', values, ['-d', String(seconds * 1_000)], from);
}

/**
 * An INVITE of a stranger, as if within a call that there is not; it expects to be refused.
 * @param trunk the trunk's address
 */
export function strangersCall(at: SipServer, number: string, trunk: string): Promise<SippResult> {
  return runSipp(at, 'stranger.xml', ['', '', number, '', '', trunk], [], '127.0.0.3');
}

/** An INVITE with digest authentication; the scenario defines the rest of the call. */
export function call(
  at: SipServer,
  phone: Phone,
  scenario: 'call' | 'cut' | 'hidden' | 'refused' | 'transfer',
  fields: {
    number?: string;
    name?: string;
    from?: string | number;
    seconds?: number;
    /** the target number of a transfer */
    to?: string;
  } = {},
): Promise<SippResult> {
  const { number = '12125550123', name = 'Alice', from = phone.username, seconds = 0 } = fields;
  const values = [phone.username, credentials(phone), number, name, String(from), fields.to ?? ''];
  return runSipp(at, `${scenario}.xml`, values, ['-d', String(seconds * 1_000)]);
}

function credentials({ username, secret }: Phone): string {
  return `[authentication username=${username} password=${secret}]`;
}

async function runSipp(
  at: SipServer,
  scenario: string,
  fields: (string | number)[],
  options: string[] = [],
  from = HOST,
): Promise<SippResult> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-sipp-'));
  try {
    const steps = await readFile(join(SCENARIOS, scenario), 'utf8');
    await writeFile(join(folder, scenario), steps.replace('"407"', `"${at.challenge}"`));
    await writeFile(join(folder, 'fields.csv'), `SEQUENTIAL\n${fields.join(';')}\n`, 'latin1');
    const single = ['-inf', 'fields.csv', '-m', '1', '-timeout', '40', '-timeout_error'];
    const all = [...single, ...options, `${HOST}:${at.port}`];
    const sipp = startSipp(folder, join(folder, scenario), all, from);
    return { status: await sipp.ended, output: sipp.output() };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param scenario a file of this folder, or the path of another */
export function startSipp(folder: string, scenario: string, options: string[], from = HOST): Child {
  const fixed = ['-sf', resolve(SCENARIOS, scenario), '-i', from, '-nostdin', '-trace_err'];
  return startChild(['sipp', ...fixed, ...options], { cwd: folder });
}

/** Whether a SIP server answers an OPTIONS, with any status. */
export async function answers(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const heard = new Promise<boolean>((resolve) => {
    socket.once('message', () => resolve(true));
    socket.once('error', () => resolve(false));
    setTimeout(() => resolve(false), 200).unref();
  });
  socket.bind(0, HOST);
  await once(socket, 'listening');
  const own = `${HOST}:${socket.address().port}`;
  const ping = [
    `OPTIONS sip:${REALM} SIP/2.0`,
    `Via: SIP/2.0/UDP ${own};branch=z9hG4bK${Date.now()}`,
    `From: <sip:ping@${own}>;tag=1`,
    `To: <sip:ping@${REALM}>`,
    `Call-ID: ${Date.now()}@${own}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 5',
    'Content-Length: 0',
    '',
    '',
  ];
  socket.send(ping.join('\r\n'), port, HOST);
  const answered = await heard;
  socket.close();
  return answered;
}
