import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  asSuperuser,
  type PrivatePostgres,
  startPrivatePostgres,
  startStandby,
} from '../../test/support/private-postgres.ts';
import { genericBody } from '../calls.ts';
import { makeAccounts, settle } from '../data.ts';
import { type Figure, figure } from '../figure.ts';
import { postBytes } from '../load.ts';
import { interleave, type Options, type Part } from '../part.ts';
import { openStage, type Stage } from '../stage.ts';
import { batchesOf, deliver, type Measure, makeFeed } from '../workloads.ts';

const ACCOUNTS = 200;
const CONNECTIONS = [1, 64];
const BATCHES = { calls: 20_000, batch: 1_000, atOnce: 4 };
// More than any measurement asks or sends per second.
const MOST_A_SECOND = 12_000;
// A reload takes effect within this time.
const RELOAD_MS = 300;

/**
 * Changes with and without one synchronous standby, in turn. Both are PostgreSQL of Debian's
 * package on this machine, so they share its cores and its disk.
 */
export const copies: Part = async (_stage, options) => {
  const folder = mkdtempSync(join(tmpdir(), 'account-api-bench-'));
  chmodSync(folder, 0o755);
  const primary = await startPrivatePostgres(join(folder, 'primary'), { shared_buffers: '256MB' });
  const standby = await startStandby(primary, join(folder, 'standby'));
  try {
    // Only a superuser may settle the database.
    const url = `postgres://postgres@127.0.0.1:${primary.port}/postgres`;
    const stage = await openStage({ url, kind: 'of its own', close: async () => undefined });
    try {
      return { figures: await measure(stage, primary, options), leftOut: [] };
    } finally {
      await stage.close();
    }
  } finally {
    await Promise.all([standby.stop(), primary.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
};

async function measure(
  stage: Stage,
  primary: PrivatePostgres,
  { rounds, seconds }: Options,
): Promise<Figure[]> {
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: ACCOUNTS });
  await settle(stage);
  const usernames = accounts.map(({ username }) => username);
  const feed = await makeFeed(stage);
  const { port } = await stage.startService();
  let asked = 0;
  const rate = (
    connections: number,
    path: string,
    bodies: (count: number) => string[],
  ): Measure => {
    return async () => {
      const requests = bodies(MOST_A_SECOND * seconds).map((body) =>
        postBytes(path, [`Authorization: ${feed}`], body),
      );
      const outcome = await stage.load.run({
        ...{ kind: 'seconds', port, connections, seconds, requests },
      });
      return outcome.requests / outcome.seconds;
    };
  };
  const questions = (count: number) =>
    Array.from({ length: count }, (_, n) => {
      const account = usernames[n % usernames.length];
      return JSON.stringify({ account, dst: '2125550123', call_id: `call-${asked++}` });
    });
  const calls = (count: number) => batchesOf(count, 1, usernames).map(genericBody);
  const work: Record<string, Measure> = {};
  for (const connections of CONNECTIONS) {
    work[`authorize, ${connections} at once, answers/s`] = rate(
      connections,
      '/ingest/v1/authorize',
      questions,
    );
    work[`one call a request, ${connections} at once, calls/s`] = rate(
      connections,
      '/ingest/v1/calls/generic',
      calls,
    );
  }
  work['1,000 calls a batch, 4 at once, calls/s'] = () => {
    const { calls, batch, atOnce } = BATCHES;
    return deliver(stage, port, feed, batchesOf(calls, batch, usernames), atOnce);
  };
  const measures: Record<string, Measure> = {};
  for (const [name, run] of Object.entries(work)) {
    for (const standbys of ['', '*']) {
      measures[`${name}${standbys}`] = async () => {
        await asSuperuser(primary, `ALTER SYSTEM SET synchronous_standby_names = '${standbys}'`);
        await asSuperuser(primary, 'SELECT pg_reload_conf()');
        await sleep(RELOAD_MS);
        return run();
      };
    }
  }
  const values = await interleave(rounds, measures);
  return Object.keys(work).map((name) =>
    figure({
      part: 'copies',
      name: name.slice(0, name.lastIndexOf(',')),
      ours: values[`${name}*`] ?? [],
      limit: values[name],
      limitName: 'without a synchronous standby',
      unit: name.split(', ').at(-1) ?? '',
    }),
  );
}
