import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import { commandLine, ENVIRONMENT, type Identity, idsOf } from './identity.ts';
import { type Layout, openLog } from './layout.ts';
import { postgresIn, signal, startOf } from './processes.ts';

export const PORT = 5432;

const POLL_MS = 10;
const READY_TIMEOUT_MS = 60_000;
// First a leftover's watchdog should stop it. Then it gets signals: fast, immediate, kill.
const LEFTOVER_FAST_MS = 2_000;
const LEFTOVER_AT_ONCE_MS = 15_000;
const LEFTOVER_KILL_MS = 20_000;
const LEFTOVER_GIVE_UP_MS = 25_000;
const STOP_AT_ONCE_MS = 15_000;

// PostgreSQL runs under a shell that waits for PostgreSQL and for the end of a pipe. The kernel
// closes the pipe when the parent ends in any way. Then the shell stops PostgreSQL fast.
const WATCHDOG = `exec 3<&0
"$@" </dev/null 3<&- &
postgres=$!
trap "" INT TERM HUP
( read -r _ <&3; kill -INT $postgres 2>/dev/null ) &
reader=$!
wait $postgres
status=$?
kill -9 $reader 2>/dev/null
exit $status`;

const SETTINGS: Record<string, string | number> = {
  listen_addresses: '',
  port: PORT,
  timezone: 'UTC',
  max_connections: 500,
  unix_socket_permissions: '0700',
  logging_collector: 'off',
  // The log must contain no values. A statement's text or a failed row may have some.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: 0,
};

/** A PostgreSQL that runs as a child of this process. */
export interface Postmaster {
  pid: number;
  /** resolves with the known reason once PostgreSQL has ended */
  ended: Promise<string>;
  /** rolls back transactions in progress, writes a checkpoint and ends */
  stop: () => Promise<void>;
}

/**
 * Starts PostgreSQL on a cluster without another PostgreSQL, and waits until it takes connections.
 * @throws EmbeddedDatabaseError where it does not start; its log has the reason
 */
export async function startPostmaster(
  layout: Layout,
  binaries: Binaries,
  identity: Identity,
  socketFolder: string,
): Promise<Postmaster> {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const postgres = [binaries.postgres, '-D', layout.cluster, '-k', socketFolder, ...settings];
  const log = openLog(layout);
  const child = spawn(
    '/bin/sh',
    ['-c', WATCHDOG, 'account-api-watchdog', ...commandLine(identity, postgres)],
    {
      ...idsOf(identity),
      cwd: '/',
      env: ENVIRONMENT,
      // A separate session, because signals to the parent's group or terminal must not reach it.
      detached: true,
      stdio: ['pipe', log, log],
    },
  );
  closeSync(log);
  // 'exit' reports the end. The pipe to an ended process may raise an error before.
  child.stdin?.on('error', () => undefined);
  const ended = whyEnded(child);
  // A killed watchdog leaves PostgreSQL and the pipe's reader behind. This ends both.
  void ended.then(() => child.stdin?.end());
  let reason: string | undefined;
  void ended.then((why) => {
    reason = why;
  });
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(POLL_MS)) {
    const { pid, ready } = readPidFile(layout);
    // A killed PostgreSQL's pid file may also say "ready".
    if (ready && pid !== undefined && postgresIn(layout.cluster, pid).includes(pid)) {
      return { pid, ended, stop: () => stop(child, pid, ended) };
    }
    if (reason !== undefined || Date.now() > deadline) {
      child.stdin?.end();
      throw new EmbeddedDatabaseError(
        `the embedded PostgreSQL does not start (${reason ?? 'it is not ready after 60 s'}); ` +
          `see ${layout.log}`,
      );
    }
  }
}

/**
 * Waits for the end of PostgreSQL processes that a killed owner left, and sends signals after a
 * while. Only for the holder of the owner's lock: then no process on the cluster has an owner.
 * @throws EmbeddedDatabaseError where they do not end
 */
export async function endLeftover(layout: Layout): Promise<void> {
  const began = Date.now();
  for (const sent = new Set<string>(); ; await sleep(POLL_MS)) {
    const postmaster = readPidFile(layout).pid;
    const running = postgresIn(layout.cluster, postmaster);
    if (running.length === 0) {
      forgetPid(layout, postmaster);
      return;
    }
    const waited = Date.now() - began;
    const once = (name: NodeJS.Signals, pids: number[]) => {
      if (sent.has(name)) return;
      sent.add(name);
      for (const pid of pids) signal(pid, name);
    };
    const main = running.filter((pid) => pid === postmaster);
    if (waited > LEFTOVER_FAST_MS) once('SIGINT', main);
    if (waited > LEFTOVER_AT_ONCE_MS) once('SIGQUIT', running);
    if (waited > LEFTOVER_KILL_MS) once('SIGKILL', running);
    if (waited > LEFTOVER_GIVE_UP_MS) {
      throw new EmbeddedDatabaseError(
        `a PostgreSQL left in ${layout.cluster} does not end; stop process ${running[0]} by hand`,
      );
    }
  }
}

/** Removes a stale pid file: PostgreSQL does not start while another process has that pid. */
function forgetPid(layout: Layout, postmaster: number | undefined): void {
  if (postmaster !== undefined && startOf(postmaster) !== undefined) {
    rmSync(pidFile(layout), { force: true });
  }
}

async function stop(child: ChildProcess, pid: number, ended: Promise<string>): Promise<void> {
  const insist = setTimeout(() => signal(pid, 'SIGQUIT'), STOP_AT_ONCE_MS);
  child.stdin?.end();
  await ended;
  clearTimeout(insist);
}

function whyEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signalName) => resolve(`exit status ${signalName ?? code}`));
  });
}

function pidFile(layout: Layout): string {
  return join(layout.cluster, 'postmaster.pid');
}

/** Lines 1 and 8 of postmaster.pid (src/include/utils/pidfile.h of PostgreSQL). */
function readPidFile(layout: Layout): { pid: number | undefined; ready: boolean } {
  try {
    const lines = readFileSync(pidFile(layout), 'utf8').split('\n');
    return { pid: Number(lines[0]) || undefined, ready: lines[7]?.trim() === 'ready' };
  } catch {
    return { pid: undefined, ready: false };
  }
}
