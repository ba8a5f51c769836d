import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { type Child, startChild } from './child.ts';
import { commandJson } from './command.ts';
import type { OrdinaryUser } from './ordinary-user.ts';

export const MAIN = new URL('../../src/main.js', import.meta.url).pathname;

/** The service as a real process. */
export interface Server extends Child {
  url: string;
}

export interface ServerOptions {
  env?: Record<string, string>;
  user?: OrdinaryUser | undefined;
  /** the program that starts it; default: node itself */
  command?: string[];
}

/** The environment for a process of the service: parts of the test's, and settings for tests. */
export function serverEnv(dataDir: string, env: Record<string, string> = {}) {
  const { NODE_COMPILE_CACHE } = process.env;
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    // With the compile cache it starts in half the time.
    ...(NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {}),
    DATA_DIR: dataDir,
    PORT: '0',
    RATE_LIMIT_PER_HOUR: '0',
    SIGNUP_LIMIT_PER_HOUR: '0',
    RECOVER_LIMIT_PER_HOUR: '0',
    ...env,
  };
}

/** Starts the service on a data folder without waiting for it. */
export function launchServer(dataDir: string, options: ServerOptions = {}): Child {
  const { env, user, command = [process.execPath, MAIN] } = options;
  return startChild([...(user?.wrapper ?? []), ...command], {
    env: serverEnv(dataDir, env),
    ...user?.ids,
  });
}

/** Waits until the service reports that it is ready. */
export async function whenReady(child: Child): Promise<Server> {
  const [, url = ''] = await child.line(/ready\.\n {2}API +(\S+)\/v2\.1\//);
  return { ...child, url };
}

export function startServer(dataDir: string, options?: ServerOptions): Promise<Server> {
  return whenReady(launchServer(dataDir, options));
}

/** The connection to the embedded database of a data folder. */
export function embeddedConnection(dataDir: string): pg.ClientConfig {
  const host = join(dataDir, 'postgres/socket');
  return { host, port: 5432, user: 'postgres', database: 'account_api' };
}

/** The process id of the PostgreSQL of a data folder. */
export async function postmasterOf(dataDir: string): Promise<number> {
  const file = await readFile(join(dataDir, 'postgres/data18/postmaster.pid'), 'utf8');
  return Number(file.split('\n')[0]);
}

/** Runs the operators' command on a data folder. @returns its JSON output */
export async function runCommand<Output>(
  dataDir: string,
  args: string[],
  env?: Record<string, string>,
): Promise<Output> {
  return commandJson(serverEnv(dataDir, env), ...args);
}

/** Adds a feed of the format `generic`. @returns its Authorization header */
export async function addGenericFeed(
  dataDir: string,
  env?: Record<string, string>,
): Promise<string> {
  const args = ['feed', 'add', 'switch', '--format', 'generic'];
  const { user, secret } = await runCommand<{ user: string; secret: string }>(dataDir, args, env);
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}
