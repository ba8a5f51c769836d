// Runs the suites of real switches: Kamailio of Debian 12, and those of Debian's sid if available;
// and the scripts for FreeSWITCH, which Debian does not have.
// The suites mostly wait for calls to last, so some run in parallel.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sidCommand } from './sid.ts';

const AT_ONCE = 3;
const folder = fileURLToPath(new URL('..', import.meta.url));

let running = 0;
const waiting: (() => void)[] = [];

/** Takes one of the places for parallel runs; waits if there is none. */
async function take(): Promise<void> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running++;
}

function giveBack(): void {
  running--;
  waiting.shift()?.();
}

/** Runs a program. Its output is shown at the end. @returns its status */
function run(command: string[], env: Record<string, string> = {}): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.stdin.end();
    child.once('error', reject);
    child.once('close', (status) => {
      process.stdout.write(output);
      resolve(status ?? 1);
    });
  });
}

/** @returns whether all tests passed */
async function suite(file: string, env: Record<string, string> = {}): Promise<boolean> {
  await take();
  const began = Date.now();
  const status = await run([process.execPath, `${folder}each.ts`, `${folder}${file}`], env);
  giveBack();
  const [switchName = ''] = Object.values(env);
  console.log(`== ${file} ${switchName}: ${Math.round((Date.now() - began) / 1_000)} s`);
  return status === 0;
}

async function suitesOfSid(): Promise<boolean[]> {
  if ((await run([`${folder}switches/debian-sid.sh`])) !== 0) {
    console.log("Debian's sid cannot be had here: Asterisk 22, Kamailio 6 and Valkey are not run.");
    return [];
  }
  const valkey = sidCommand('usr/bin/valkey-server').join(' ');
  return Promise.all([
    suite('switches/asterisk.test.ts'),
    suite('switches/kamailio.test.ts', { KAMAILIO: 'sid' }),
    suite('kamailio/kamailio.test.ts', { KAMAILIO: 'sid' }),
    suite('faults/redis.test.ts', { LIMITS_SERVER: valkey }),
  ]);
}

const passed = await Promise.all([
  suitesOfSid(),
  suite('switches/kamailio.test.ts'),
  suite('kamailio/kamailio.test.ts'),
  suite('switches/freeswitch.test.ts'),
]);
process.exitCode = passed.flat().every(Boolean) ? 0 : 1;
