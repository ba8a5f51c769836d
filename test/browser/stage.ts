import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ParsedMail, simpleParser } from 'mailparser';
import { type Browser, chromium } from 'playwright-core';

const ROOT = new URL('../../', import.meta.url).pathname;
const START_MS = 60_000;
const MAIL_MS = 20_000;

export interface Stage {
  url: string;
  customer: { username: string; password: string; apikey: string };
  administrator: { username: string; password: string; apikey: string };
  browser: Browser;
  /** the newest mail to an address, once there are so many */
  mail: (address: string, count?: number) => Promise<ParsedMail>;
  /** runs the operators' command */
  command: (...words: string[]) => Promise<string>;
  stop: () => Promise<void>;
}

/** The service as a process of its own with the demo's data, and Debian's Chromium. */
export async function openStage(env: Record<string, string> = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-browser-'));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const settings = {
    ...process.env,
    DATA_DIR: folder,
    PORT: String(port),
    PUBLIC_URL: url,
    LOG_LEVEL: 'warn',
    SIGNUP_LIMIT_PER_HOUR: '0',
    RECOVER_LIMIT_PER_HOUR: '0',
    ...env,
  };
  const command = async (...words: string[]) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(ROOT, 'src/cli/account-api.ts'), ...words],
      { env: settings, cwd: folder, timeout: START_MS },
    );
    return stdout;
  };
  const service = spawn(process.execPath, [join(ROOT, 'src/main.ts')], {
    env: settings,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await waitUntilReady(url, service);
    const demo = JSON.parse(await command('demo', '--json'));
    const administrator = JSON.parse(await readFile(join(folder, 'admin.json'), 'utf8'));
    const browser = await launch();
    return {
      url,
      browser,
      administrator,
      customer: { ...demo, username: String(demo.username) },
      command,
      mail: (address, count = 1) => newestMail(join(folder, 'mail'), address, count),
      stop: async () => {
        await browser.close();
        await stopProcess(service);
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stopProcess(service);
    throw error;
  }
}

/** As root Chromium runs without its sandbox; the other arguments keep it from speaking to anyone. */
function launch(): Promise<Browser> {
  const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync'];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-first-run',
      ...quiet.map((what) => `--disable-${what}`),
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address && typeof address === 'object');
  return address.port;
}

async function waitUntilReady(url: string, service: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + START_MS; ; await sleep(100)) {
    assert.equal(service.exitCode, null, 'the service ended');
    assert.ok(Date.now() < deadline, 'the service did not start in time');
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
  }
}

async function stopProcess(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null) return;
  const ended = new Promise((resolve) => service.once('exit', resolve));
  service.kill('SIGTERM');
  await ended;
}

async function newestMail(folder: string, address: string, count: number): Promise<ParsedMail> {
  for (const deadline = Date.now() + MAIL_MS; ; await sleep(100)) {
    const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml'));
    const mails = await Promise.all(
      files.map(async (name) => simpleParser(await readFile(join(folder, name)))),
    );
    const own = mails.filter(({ to }) => JSON.stringify(to).includes(address));
    own.sort((a, b) => (a.date?.getTime() ?? 0) - (b.date?.getTime() ?? 0));
    const newest = own.at(-1);
    if (newest && own.length >= count) return newest;
    assert.ok(Date.now() < deadline, `${own.length} of ${count} mails to ${address} came`);
  }
}
