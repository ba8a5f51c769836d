import { reconcile } from '../../src/domain/books/proof.ts';
import { COLUMNS, genericBody } from '../calls.ts';
import { makeAccounts, settle } from '../data.ts';
import { atLeast, atMost, type Figure, figure } from '../figure.ts';
import type { Outcome } from '../generator.ts';
import { postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import { pgbenchRate } from '../pgbench.ts';
import type { Stage } from '../stage.ts';
import { batchesOf, countDelivered, makeFeed } from '../workloads.ts';

const ACCOUNTS = 200;
const CONNECTIONS = [1, 16, 64];
const LEAST_OF_INSERTS: Record<number, number> = { 1: 0.7, 64: 0.6 };
const MOST_OF_MEDIAN = 3;
// More than any measurement sends per second, so no call is sent twice.
const MOST_A_SECOND = 8_000;
// Measurements from many connections, before any counts: within them V8 compiles the service's code.
const WARM_UPS = 3;

/**
 * Calls delivered one per request by two feeds, compared with durable inserts of the same row by
 * pgbench.
 */
export const single: Part = async (stage, { rounds, seconds }) => {
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: ACCOUNTS });
  await settle(stage);
  const usernames = accounts.map(({ username }) => username);
  const feeds = [await makeFeed(stage), await makeFeed(stage)];
  const service = await stage.startService();
  const inserts = await pgbenchRate(stage, insertScript(usernames[0] as number), seconds);
  const outcomes: Record<number, Outcome[]> = {};
  const before = await countDelivered(stage);
  let sent = 0;
  const send = async (connections: number): Promise<Outcome> => {
    const requests = batchesOf(MOST_A_SECOND * seconds, 1, usernames).map((calls, n) =>
      postBytes(
        '/ingest/v1/calls/generic',
        [`Authorization: ${feeds[n % feeds.length]}`],
        genericBody(calls),
      ),
    );
    const { port } = service;
    const outcome = await stage.load.run({
      ...{ kind: 'seconds', port, connections, seconds, requests },
    });
    sent += outcome.requests;
    return outcome;
  };
  for (let n = 0; n < WARM_UPS; n++) await send(Math.max(...CONNECTIONS));
  const figures: Figure[] = [];
  for (const connections of CONNECTIONS) {
    const values = await interleave(rounds, {
      inserts: inserts?.(connections),
      ours: async () => {
        const outcome = await send(connections);
        outcomes[connections] = [...(outcomes[connections] ?? []), outcome];
        return outcome.requests / outcome.seconds;
      },
    });
    const least = LEAST_OF_INSERTS[connections];
    // Without the first outcome, which is a warm-up.
    const counted = (outcomes[connections] ?? []).slice(1);
    figures.push(
      figure({
        part: 'single',
        name: `one call a request, ${connections} connections`,
        ours: values.ours,
        limit: values.inserts,
        limitName: `pgbench INSERT, ${connections} clients`,
        unit: 'calls/s',
        ...(least ? { target: atLeast(least) } : {}),
      }),
      figure({
        part: 'single',
        name: `one call a request, ${connections} connections: p99`,
        ours: counted.map(({ p99Ms }) => p99Ms),
        limit: counted.map(({ medianMs }) => medianMs),
        limitName: 'its p50',
        unit: 'ms',
        ...(connections > 1 ? { target: atMost(MOST_OF_MEDIAN) } : {}),
      }),
    );
  }
  await service.stop();
  await prove(stage, before + sent);
  const why = 'pgbench is not installed';
  return { figures, leftOut: inserts ? [] : [{ part: 'single', name: 'beside pgbench', why }] };
};

/** One INSERT of the row of such a call. */
function insertScript(username: number): string {
  // pgbench reads a colon as the start of a variable, even within quotes.
  return `INSERT INTO call (${COLUMNS.join(', ')})
    VALUES (${username}, ${username}, now(), gen_random_uuid(), '8666326621', '8008786160',
      '192.0.2.13', 'TOLL%20FREE%20CALL', 60000000, 60, 0.0075, 0.0075, false, 'pgbench',
      uuid_send(gen_random_uuid()), now());\n`.replaceAll(/\n\s+/g, ' ');
}

/** A fast result is worthless if a call was lost. */
async function prove(stage: Stage, answered: number): Promise<void> {
  const stored = await countDelivered(stage);
  const { imbalances } = await reconcile(stage.db);
  // A delivery may be stored although its client no longer waited for the answer.
  if (stored < answered || imbalances.length > 0) {
    throw new Error(
      `${answered} calls were taken, ${stored} are there, ${imbalances.length} accounts do not balance`,
    );
  }
}
