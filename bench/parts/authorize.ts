import { setTimeout as sleep } from 'node:timers/promises';
import { reconcile } from '../../src/domain/books/proof.ts';
import { genericBody } from '../calls.ts';
import { makeAccounts, settle } from '../data.ts';
import { atLeast, atMost, type Figure, figure, type LeftOut, type Target } from '../figure.ts';
import type { Outcome } from '../generator.ts';
import { postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import { pgbenchRate } from '../pgbench.ts';
import type { Stage } from '../stage.ts';
import { batchesOf, deliver, infoRate, type Measure, makeFeed } from '../workloads.ts';

const PATH = '/ingest/v1/authorize';
const ACCOUNTS = 1_000_000;
const QUICK_ACCOUNTS = 20_000;
const CALLING = 200;
// More than any measurement asks per second, so no call is asked about twice.
const MOST_A_SECOND = 20_000;
// Requests of each connection before a measurement: `prove` empties tables, which discards plans.
const PLANNING = 20;
const HOLDS = 100_000;
const HOLDS_OF_ONE = 10_000;
// Measurements of each process before any counts: within them V8 compiles the service's code.
const WARM_UPS = 4;
const INGEST = { calls: 20_000, batch: 1_000, atOnce: 4 };

/** The load of one measurement. */
interface Load {
  connections: number;
  accounts: number[];
  /** of the processes under load; default: the one service */
  ports?: number[];
}

/** Authorize requests, compared with one-row updates by pgbench from as many clients. */
export const authorize: Part = async (stage, { rounds, seconds, quick }) => {
  const all = await makeAccounts(stage, {
    accounts: quick ? QUICK_ACCOUNTS : ACCOUNTS,
    withKeys: CALLING,
  });
  await settle(stage);
  const accounts = all.map(({ username }) => username);
  const one = accounts.slice(0, 1);
  const feed = await makeFeed(stage);
  const service = await stage.startService();
  const twoWorkers = await stage.startService({ WORKERS: '2' });
  const second = await stage.startService();
  const notOnDisk = await stage.startService({ HOLDS_ON_DISK: 'false' });
  const asked = new Asked(stage, { port: service.port, authorization: feed, seconds });
  const updates = await updatesOf(stage, seconds);
  const ingest = (calls: number) =>
    deliver(stage, service.port, feed, batchesOf(calls, INGEST.batch, accounts), INGEST.atOnce);
  const ingestRate = await ingest(INGEST.calls);

  const at = (connections: number): Load => ({ connections, accounts });
  const off = (connections: number) =>
    asked.measure(`not on disk ${connections}`, { ...at(connections), ports: [notOnDisk.port] });
  for (const { port } of [service, twoWorkers, second, notOnDisk]) {
    const warmUp = asked.measure('warm-up', { ...at(64), ports: [port] });
    for (let n = 0; n < WARM_UPS; n++) await warmUp();
  }
  const values = await interleave(rounds, {
    'update 1': updates?.(1),
    'ask 1': asked.measure('ask 1', at(1)),
    'not on disk 1': off(1),
    'update 64': updates?.(64),
    'ask 64': asked.measure('ask 64', at(64)),
    'not on disk 64': off(64),
    info: infoRate(stage, service.port, all, seconds),
    'one account': asked.measure('one account', { connections: 64, accounts: one }),
    'many holds': asked.measure('many holds', { connections: 64, accounts: one }, () =>
      fillHolds(stage, one[0] as number, accounts),
    ),
    'update 256': updates?.(256),
    'ask 256': asked.measure('ask 256', at(256)),
    'not on disk 256': off(256),
    'two workers': asked.measure('two workers', { ...at(64), ports: [twoWorkers.port] }),
    'two processes': asked.measure('two processes', {
      ...at(64),
      ports: [service.port, second.port],
    }),
    'beside ingest': asked.measure('beside ingest', at(64), undefined, () =>
      pacedIngest(service.port, feed, accounts, { perSecond: ingestRate / 2, seconds }),
    ),
  });
  for (const process of [service, twoWorkers, second, notOnDisk]) await process.stop();

  const rate = (name: string, ours: number[], limit: number[], limitName: string, least?: number) =>
    figure({
      part: 'authorize',
      ...{ name, ours, limit, limitName, unit: 'answers/s' },
      ...(least ? { target: atLeast(least) } : {}),
    });
  const time = (name: string, ours: number[], limit: number[], limitName: string, to?: Target) =>
    figure({
      part: 'authorize',
      ...{ name, ours, limit, limitName, unit: 'ms' },
      ...(to ? { target: to } : {}),
    });
  const figures: Figure[] = [];
  for (const [connections, leastOfInfo] of [
    [1, undefined],
    [64, 0.35],
    [256, 0.5],
  ] as const) {
    const [name, key] = [`${connections} connections, 200 accounts`, `ask ${connections}`] as const;
    const ours = values[key];
    const limit = values[`update ${connections}`];
    const limitName = `pgbench UPDATE, ${connections} clients`;
    if (updates) figures.push(rate(name, ours, limit, limitName, connections === 1 ? 0.6 : 1));
    if (leastOfInfo)
      figures.push(rate(name, ours, values.info, 'info, 64 connections', leastOfInfo));
    figures.push(
      time(
        `${name}: p99`,
        asked.p99(key),
        asked.p50(key),
        'its p50',
        connections > 1 ? atMost(3) : undefined,
      ),
      rate(
        `${connections} connections, HOLDS_ON_DISK=false`,
        values[`not on disk ${connections}`],
        ours,
        'on disk',
      ),
    );
  }
  figures.push(
    rate(
      '64 connections, one account',
      values['one account'],
      values['ask 64'],
      '200 accounts',
      0.8,
    ),
    rate(
      'the same, 10,000 holds of it, 100,000 in all',
      values['many holds'],
      values['one account'],
      'no holds',
      0.9,
    ),
    rate('64 connections, two workers', values['two workers'], values['ask 64'], 'one', 1),
    rate('64 connections, two processes', values['two processes'], values['ask 64'], 'one', 1),
    time(
      'beside ingest at half its speed: p99',
      asked.p99('beside ingest'),
      asked.p99('ask 64'),
      'alone: p99',
      atMost(3),
    ),
  );
  const leftOut: LeftOut[] = updates
    ? []
    : [{ part: 'authorize', name: 'beside pgbench', why: 'pgbench is not installed' }];
  return { figures, leftOut };
};

/** Authorizes new calls and stores the response times. */
class Asked {
  readonly #stage: Stage;
  readonly #service: { port: number; authorization: string; seconds: number };
  readonly #outcomes: Record<string, Outcome[]> = {};
  #calls = 0;

  constructor(stage: Stage, service: { port: number; authorization: string; seconds: number }) {
    this.#stage = stage;
    this.#service = service;
  }

  /**
   * @param before prepares the data before the requests
   * @param beside other work during the requests
   */
  measure(
    name: string,
    { connections, accounts, ports }: Load,
    before?: () => Promise<void>,
    beside?: () => Promise<void>,
  ): () => Promise<number> {
    const { port, seconds } = this.#service;
    return async () => {
      const requests = this.#requests(accounts);
      const first = requests.splice(0, PLANNING * connections);
      const to = { port: ports ?? port, connections };
      await before?.();
      await this.#stage.load.run({ kind: 'once', ...to, requests: first });
      const [outcome] = await Promise.all([
        this.#stage.load.run({ kind: 'seconds', ...to, seconds, requests }),
        beside?.(),
      ]);
      this.#outcomes[name] = [...(this.#outcomes[name] ?? []), outcome];
      await prove(this.#stage, outcome.requests);
      return outcome.requests / outcome.seconds;
    };
  }

  /** Without the first value, which is a warm-up. */
  p50(name: string): number[] {
    return (this.#outcomes[name] ?? []).slice(1).map(({ medianMs }) => medianMs);
  }

  p99(name: string): number[] {
    return (this.#outcomes[name] ?? []).slice(1).map(({ p99Ms }) => p99Ms);
  }

  #requests(accounts: number[]): string[] {
    const { authorization, seconds } = this.#service;
    return Array.from({ length: MOST_A_SECOND * seconds }, (_, n) => {
      const account = accounts[n % accounts.length];
      const body = JSON.stringify({ account, dst: '2125550123', call_id: `call-${this.#calls++}` });
      return postBytes(PATH, [`Authorization: ${authorization}`], body);
    });
  }
}

/** A fast result is worthless if a hold was lost. Afterwards all holds are deleted. */
async function prove({ db }: Stage, answers: number): Promise<void> {
  const [row] = await db.query<{ holds: number }>(
    "SELECT count(*)::int AS holds FROM hold WHERE call_id LIKE 'call-%'",
  );
  const { imbalances } = await reconcile(db);
  // A request may have been decided although its client no longer waited for the answer.
  if ((row?.holds ?? 0) < answers || imbalances.length > 0) {
    throw new Error(
      `${answers} calls were allowed, ${row?.holds} are held, ${imbalances.length} accounts do not balance`,
    );
  }
  await db.query('TRUNCATE hold, calls_in_progress');
  await db.query('UPDATE balance SET held = 0 WHERE held <> 0');
}

/** Calls in progress, most of them of other accounts, and as many expired holds. */
async function fillHolds({ db }: Stage, one: number, accounts: number[]): Promise<void> {
  await db.query(
    `INSERT INTO hold (billing_account, call_id, account, called, amount, granted_at, expires_at)
     SELECT u, 'other-' || n, u, '2125550123', 0.075, now() - interval '1 hour',
       now() + CASE WHEN n % 2 = 0 OR n < $3 THEN interval '1 hour' ELSE interval '-1 minute' END
     FROM generate_series(0, $4 - 1) AS n,
       LATERAL (SELECT CASE WHEN n < $3 THEN $1::bigint
         ELSE ($2::bigint[])[2 + n % (cardinality($2::bigint[]) - 1)] END AS u) AS a`,
    [one, accounts, HOLDS_OF_ONE, HOLDS],
  );
  await db.query(
    `UPDATE balance b SET held = h.amount
     FROM (SELECT billing_account, sum(amount) AS amount FROM hold GROUP BY 1) h
     WHERE b.account = h.billing_account`,
  );
  await db.query(
    `INSERT INTO calls_in_progress
     SELECT billing_account, account, count(*) FROM hold GROUP BY 1, 2`,
  );
}

async function pacedIngest(
  port: number,
  authorization: string,
  accounts: number[],
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<void> {
  const batches = batchesOf(perSecond * seconds, INGEST.batch, accounts).map(genericBody);
  const everyMs = (INGEST.batch / perSecond) * 1_000;
  const headers = { authorization, 'content-type': 'application/json' };
  const sent: Promise<Response>[] = [];
  for (const body of batches) {
    sent.push(
      fetch(`http://127.0.0.1:${port}/ingest/v1/calls/generic`, { method: 'POST', headers, body }),
    );
    await sleep(everyMs);
  }
  for (const { status } of await Promise.all(sent)) {
    if (status !== 200) throw new Error(`a delivery was answered ${status}`);
  }
}

/**
 * Durable updates of one row at a time, in a table with as many rows as there are calling accounts.
 */
async function updatesOf(
  stage: Stage,
  seconds: number,
): Promise<((clients: number) => Measure) | undefined> {
  await stage.db.query(
    `CREATE TABLE bench_row WITH (fillfactor = 25) AS
     SELECT n::int AS id, 0 AS value FROM generate_series(1, ${CALLING}) AS n`,
  );
  await stage.db.query('ALTER TABLE bench_row ADD PRIMARY KEY (id)');
  const script = `\\set id random(1, ${CALLING})\nUPDATE bench_row SET value = value + 1 WHERE id = :id;\n`;
  return pgbenchRate(stage, script, seconds);
}
