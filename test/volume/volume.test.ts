import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  addGenericFeed,
  embeddedConnection,
  runCommand,
  type Server,
  startServer,
} from '../support/server.ts';
import { waitUntil } from '../support/wait.ts';

// The full proof: VOLUME_CALLS=100000 VOLUME_KILLS=20 npm run test:volume
const CALLS = Number(process.env.VOLUME_CALLS ?? 5_000);
const KILLS = Number(process.env.VOLUME_KILLS ?? 5);
const TIMES = 10;
const CONNECTIONS = 8;
const ACCOUNTS = 100;
const FIRST_ACCOUNT = 3_000_000_000;
const LARGEST_BATCH = 1_000;
const AGAIN_MS = 50;

const folders: string[] = [];
let isOver = false;
after(async () => {
  isOver = true;
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Place {
  dataDir: string;
  server: Server;
  authorization: string;
}

/** A separate service with the test's accounts: every fifth is billed to the account before it. */
async function openPlace(): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), 'account-api-volume-'));
  folders.push(dataDir);
  const server = await startServer(dataDir);
  await inDatabase(dataDir, (client) =>
    client.query(
      `WITH added AS (
         INSERT INTO account (username, master_account, name, email, email_key, rate,
           increment_seconds, created_at, password_hash, key_digest, key_sealed)
         SELECT $1 + n, $1 + n - (n % 5 = 4)::int, 'Example', 'x', 'x', 0.001 * (n % 40),
           1 + n % 7, now(), 'x', sha256(n::text::bytea), 'x'
         FROM generate_series(0, $2::bigint - 1) n
         RETURNING username, master_account
       )
       INSERT INTO balance (account, cash) SELECT username, 0 FROM added
       WHERE master_account = username`,
      [FIRST_ACCOUNT, ACCOUNTS],
    ),
  );
  return { dataDir, server, authorization: await addGenericFeed(dataDir) };
}

async function inDatabase<Result>(
  dataDir: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(embeddedConnection(dataDir));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Calls of the last day in the order of their start, each as a JSON text. */
function makeCalls(): string[] {
  const first = Math.floor(Date.now() / 1_000) - 86_400;
  return Array.from({ length: CALLS }, (_, n) =>
    JSON.stringify({
      id: randomUUID(),
      account: FIRST_ACCOUNT + ((n * 37) % ACCOUNTS),
      start: first + (n * 86_000) / CALLS,
      duration: n % 9 === 0 ? 0 : (n % 600) + 0.25,
      cid: '8666326621',
      dst: `212555${String(n % 10_000).padStart(4, '0')}`,
      ip: '192.0.2.13',
      cn: 'Example Caller',
    }),
  );
}

/** Splits calls into batches of fixed or random sizes. */
function cut(calls: string[], size: () => number): string[] {
  const batches: string[] = [];
  for (let from = 0; from < calls.length; ) {
    const to = from + size();
    batches.push(`[${calls.slice(from, to).join(',')}]`);
    from = to;
  }
  return batches;
}

function shuffle<Item>(items: Item[]): Item[] {
  const shuffled = [...items];
  for (let n = shuffled.length - 1; n > 0; n--) {
    const other = Math.floor(Math.random() * (n + 1));
    [shuffled[n], shuffled[other]] = [shuffled[other] as Item, shuffled[n] as Item];
  }
  return shuffled;
}

/** Sends a batch until it is acknowledged, as a switch does. */
async function deliver(place: Place, body: string): Promise<void> {
  while (!isOver) {
    const answer = await fetch(`${place.server.url}/ingest/v1/calls/generic`, {
      method: 'POST',
      headers: { authorization: place.authorization },
      body,
    })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => undefined);
    if (answer?.status === 200) {
      assert.match(answer.text, /"rejected":0/);
      return;
    }
    assert.ok(!answer || answer.status === 503, answer?.text);
    await sleep(AGAIN_MS);
  }
}

/** All stored calls and money, without the time of arrival. */
function stateOf(dataDir: string): Promise<object> {
  return inDatabase(dataDir, async (client) => {
    const calls = await client.query(
      `SELECT count(*), sum(amount) AS amount, md5(string_agg(concat_ws(' ', billing_account,
         account, started_at, id, caller, called, source_ip, caller_name, talk_microseconds,
         billed_seconds, rate, amount, debited, encode(content_digest, 'hex')), e'\\n'
         ORDER BY started_at, id)) AS digest FROM call`,
    );
    const balances = await client.query(
      `SELECT account, cash, suspended FROM balance
       WHERE account BETWEEN $1 AND $1 + $2::bigint ORDER BY account`,
      [FIRST_ACCOUNT, ACCOUNTS],
    );
    const rejected = await client.query('SELECT count(*) FROM rejected_record');
    return { calls: calls.rows, balances: balances.rows, rejected: rejected.rows };
  });
}

test('calls sent ten times, shuffled, under kill -9, end up as when they came sorted and once', async () => {
  const calls = makeCalls();
  const once = await openPlace();
  for (const batch of cut(calls, () => LARGEST_BATCH)) await deliver(once, batch);
  const expected = await stateOf(once.dataDir);
  once.server.kill('SIGTERM');
  await once.server.ended;

  const place = await openPlace();
  const repeated = shuffle(Array.from({ length: TIMES }, () => calls).flat());
  const batches = cut(repeated, () => 1 + Math.floor(Math.random() * LARGEST_BATCH));
  const total = batches.length;
  let acknowledged = 0;
  const began = performance.now();
  const connections = Array.from({ length: CONNECTIONS }, async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) {
      await deliver(place, batch);
      acknowledged++;
    }
  });
  for (let kill = 1; kill <= KILLS; kill++) {
    await waitUntil(() => acknowledged >= (total * kill) / (KILLS + 1), 600_000);
    place.server.kill('SIGKILL');
    await place.server.ended;
    place.server = await startServer(place.dataDir);
  }
  await Promise.all(connections);
  const seconds = (performance.now() - began) / 1_000;
  assert.equal(acknowledged, total);
  assert.deepEqual(await stateOf(place.dataDir), expected);
  const books = await runCommand<{ imbalances: object[] }>(place.dataDir, ['reconcile']);
  assert.deepEqual(books.imbalances, []);
  place.server.kill('SIGTERM');
  await place.server.ended;
  console.log(
    `${CALLS} calls, each sent ${TIMES} times in ${total} shuffled batches over ${CONNECTIONS} ` +
      `connections, ${KILLS} kills: the same state; ${Math.round(seconds)} s`,
  );
});
