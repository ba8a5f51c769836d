import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { answers, startSipp } from '../kamailio/switch.ts';
import { type Child, startChild } from '../support/child.ts';
import { freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait.ts';
import { SID, sidCommand, sidLibraries } from './sid.ts';
import type { StorySwitch } from './story.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/asterisk/', import.meta.url));
const HOST = '127.0.0.1';
const CARRIER = '127.0.0.2';

/** A running Asterisk with the configuration and scripts of deploy/, and a trunk. */
export interface Asterisk extends StorySwitch {
  log: () => string;
  /** runs a command of its console. @returns its output */
  console: (command: string) => Promise<string>;
  kill: () => Promise<void>;
  start: () => Promise<void>;
}

/**
 * @param service its address
 * @param credentials user:secret of a feed of the generic format
 * @param extendEvery seconds between two requests to extend calls
 */
export async function startAsterisk(
  service: string,
  credentials: string,
  extendEvery: number,
): Promise<Asterisk> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-asterisk-'));
  const [port, trunkPort] = [await freePort('udp'), await freePort('udp')];
  const values: [string, string][] = [
    ['https://account.example.com', service],
    ['pbx-1:secret', credentials],
    ['bind=192.0.2.10:5060', `bind=${HOST}:${port}`],
    ['contact=sip:198.51.100.20:5060', `contact=sip:${HOST}:${trunkPort}`],
    ['match=198.51.100.20', `match=${CARRIER}`],
  ];
  const unused = new Set(values.map(([before]) => before));
  for (const name of ['log/cdr-custom', 'run', 'spool', 'lib', 'etc']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  for (const name of await readdir(DEPLOY)) {
    if (!name.endsWith('.conf')) continue;
    let text = await readFile(join(DEPLOY, name), 'utf8');
    for (const [before, after] of values) {
      if (text.includes(before)) unused.delete(before);
      text = text.replaceAll(before, after);
    }
    await writeFile(join(folder, 'etc', name), text);
  }
  if (unused.size > 0) throw new Error(`there is no setting ${[...unused].join(', ')}`);
  await writeFile(join(folder, 'etc/logger.conf'), '[logfiles]\nconsole => notice,warning,error\n');
  const file = join(folder, 'etc/asterisk.conf');
  await writeFile(
    file,
    `[directories]
astetcdir => ${folder}/etc
astmoddir => ${sidLibraries()}/asterisk/modules
astdatadir => ${SID}/usr/share/asterisk
astvarlibdir => ${folder}/lib
astdbdir => ${folder}/lib
astspooldir => ${folder}/spool
astrundir => ${folder}/run
astlogdir => ${folder}/log
`,
  );
  const command = [...sidCommand('usr/sbin/asterisk'), '-C', file];
  let asterisk: Child | undefined;
  let log = '';
  const kill = async () => {
    asterisk?.kill('SIGKILL', 'group');
    await asterisk?.ended;
    log += asterisk?.output() ?? '';
    asterisk = undefined;
  };
  const start = async () => {
    asterisk = startChild([...command, '-f'], { env: { PATH: process.env.PATH, TZ: 'UTC' } });
    await Promise.race([
      waitUntil(() => answers(port)),
      asterisk.ended.then((status) => {
        throw new Error(`Asterisk ended with ${status}: ${asterisk?.output()}`);
      }),
    ]);
  };
  await start();
  const script = (name: string, every: number) =>
    startChild(['sh', join(DEPLOY, name)], {
      env: {
        PATH: process.env.PATH,
        FEED: credentials,
        SERVICE: service,
        CDR_DIR: join(folder, 'log/cdr-custom'),
        ASTERISK: command.join(' '),
        EVERY: String(every),
      },
    });
  const scripts = [script('send-cdr.sh', 1), script('extend-calls.sh', extendEvery)];
  const messages = join(folder, 'trunk.log');
  const trunk = startSipp(folder, 'answer.xml', [
    '-p',
    String(trunkPort),
    '-trace_msg',
    '-message_file',
    messages,
  ]);
  const sending = join(folder, 'log/cdr-custom/sending');
  return {
    port,
    challenge: 401,
    log: () => log + (asterisk?.output() ?? '') + scripts.map((child) => child.output()).join(''),
    console: async (text) => {
      const [program = '', ...args] = command;
      return (await promisify(execFile)(program, [...args, '-rx', text])).stdout;
    },
    waits: async (number) => {
      const names = (await readdir(sending)).filter((name) => name.endsWith('.csv'));
      const texts = await Promise.all(names.map((name) => readFile(join(sending, name), 'utf8')));
      return texts.join('').includes(number);
    },
    dialled: async () => {
      const text = await readFile(messages, 'utf8').catch(() => '');
      return [...text.matchAll(/^INVITE (\S+) SIP/gm)].map(([, uri = '']) => uri);
    },
    kill,
    start,
    stop: async () => {
      for (const child of [trunk, ...scripts]) {
        child.kill('SIGKILL', 'group');
        await child.ended;
      }
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
