import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// A first start syncs the whole disk, which others may be writing to.
const READY_MS = 120_000;

let folder: string;
let server: ChildProcess;
let environment: NodeJS.ProcessEnv;

// The folder looks like a clone in which the service never ran.
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-api-readme-'));
  for (const name of ['package.json', 'src', 'migrations', 'node_modules']) {
    await symlink(join(ROOT, name), join(folder, name));
  }
  environment = { PATH: process.env.PATH, HOME: folder, PORT: String(await freePort()) };
  server = spawn(process.execPath, ['src/main.js'], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await said(server, 'Account API is ready');
});
after(async () => {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  await rm(folder, { recursive: true, force: true });
});

test('the tour of the README works as it is written', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const tour = readme.split(/^## /m).find((section) => section.startsWith('A tour'));
  const blocks = [...(tour ?? '').matchAll(/^```bash\n(.*?)^```/gms)].map(([, code]) => code);
  assert.ok(blocks.length > 8);
  const { stdout } = await promisify(execFile)('bash', ['-eu', '-c', blocks.join('')], {
    cwd: folder,
    env: environment,
  });
  const answers = stdout
    // cdr writes one row per line.
    .replaceAll(/\n(?=[,\]])/g, '')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  assert.ok(answers.every(({ statusCode }) => statusCode === '200'));
  const [added, signedUp, login, info, taken, cdr, mrc, reported, registration, recover] = answers;
  assert.equal(added.account.username, 4592086960);
  const { username } = signedUp.account;
  assert.match(login.apikey, /^[0-9a-f]{32}$/);
  assert.equal(info.account[0].cash, 25.5);
  assert.equal(info.account[0].rate, 0.025);
  assert.equal(taken.stored, 1);
  assert.equal(cdr.cdr[0].value.ba, '0.017500');
  assert.deepEqual(mrc.mrc, [{ E911: 1.5 }, { did: 2 }, { total: 3.5 }]);
  assert.equal(reported.stored, 1);
  assert.equal(registration.account.uri, `sip:${username}@192.0.2.1:5060`);
  assert.match(recover.message, /user@example\.com/);
  assert.equal(answers.length, 10);
  assert.ok((await readdir(join(folder, 'data/mail'))).length > 0);
});

/** Keeps reading: a service blocks if its log is not read. */
async function said(child: ChildProcess, text: string): Promise<void> {
  let heard = '';
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`not ready in time: ${heard}`)), READY_MS);
    child.stdout?.on('data', (chunk) => {
      heard += chunk;
      if (!heard.includes(text)) return;
      clearTimeout(late);
      resolve();
    });
    child.once('exit', () => reject(new Error(`the service ended: ${heard}`)));
  });
}
