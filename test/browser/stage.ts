import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ParsedMail, simpleParser } from 'mailparser';
import { type Browser, chromium } from 'playwright-core';
import { freePort } from '../support/free-port.ts';
import { newDataFolder } from '../support/prepared-data.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
// Chromium without the parts that a window needs.
const SHELL = '/usr/bin/chromium-headless-shell';
const START_MS = 120_000;
const MAIL_MS = 60_000;

export interface Credentials {
  username: string;
  password: string;
  apikey: string;
}

export interface Stage {
  url: string;
  /** the service's data folder, with its PostgreSQL */
  dataDir: string;
  customer: Credentials & { feed: { user: string; secret: string } };
  administrator: Credentials;
  browser: Browser;
  /** the newest mail to an address; waits for it */
  mail: (address: string, want?: Wanted) => Promise<ParsedMail>;
  /** runs the operators' command */
  command: (...words: string[]) => Promise<string>;
  stop: () => Promise<void>;
}

interface Wanted {
  after?: Date;
  subject?: RegExp;
}

/** The service as a separate process with the demo's data, and Debian's Chromium. */
export async function openStage(env: Record<string, string> = {}): Promise<Stage> {
  const folder = await newDataFolder('account-api-browser-');
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
      [join(ROOT, 'src/cli/account-api.js'), ...words],
      { env: settings, cwd: folder, timeout: START_MS },
    );
    return stdout;
  };
  const service = spawn(process.execPath, [join(ROOT, 'src/main.js')], {
    env: settings,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await waitUntilReady(url, service);
    const demo = JSON.parse(
      await readFile(join(folder, 'demo.json'), 'utf8').catch(() => command('demo', '--json')),
    );
    const administrator = JSON.parse(await readFile(join(folder, 'admin.json'), 'utf8'));
    const browser = await launch();
    return {
      url,
      dataDir: folder,
      browser,
      administrator,
      customer: { ...demo, username: String(demo.username) },
      command,
      mail: (address, want = {}) => newestMail(join(folder, 'mail'), address, want),
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

/** As root, Chromium runs without its sandbox. The other arguments stop its own network traffic. */
function launch(): Promise<Browser> {
  const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync'];
  const [installed] = [SHELL, '/usr/bin/chromium'].filter(existsSync);
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? installed ?? SHELL,
    args: [
      '--no-first-run',
      ...quiet.map((what) => `--disable-${what}`),
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
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

async function newestMail(folder: string, address: string, want: Wanted): Promise<ParsedMail> {
  for (const deadline = Date.now() + MAIL_MS; ; await sleep(100)) {
    const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml'));
    const mails = await Promise.all(
      files.map(async (name) => {
        const path = join(folder, name);
        const { mtimeMs } = await stat(path);
        return { mtimeMs, mail: await simpleParser(await readFile(path)) };
      }),
    );
    const wanted = mails.filter(
      ({ mtimeMs, mail: { to, subject } }) =>
        JSON.stringify(to).includes(address) &&
        mtimeMs >= (want.after?.getTime() ?? 0) &&
        (want.subject?.test(subject ?? '') ?? true),
    );
    const newest = wanted.sort((a, b) => a.mtimeMs - b.mtimeMs).at(-1);
    if (newest) return newest.mail;
    assert.ok(Date.now() < deadline, `no such mail to ${address} came`);
  }
}
