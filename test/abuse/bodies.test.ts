import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { reconcile } from '../../src/domain/books/proof.ts';
import { SAMPLES } from '../support/records.ts';
import { startTarget } from './support.ts';

const MOST_MEMORY_BYTES = 300 * 1024 * 1024;
const MIB = 1024 * 1024;
// Of the time that an answer takes while nothing else is done, but at least of this.
const SLOWER = 60;
const LEAST_IDLE_MS = 5;
const FROZEN_MS = 5_000;
const AT_ONCE = 4;

let idleMs = 0;
const target = startTarget({}, async (prepared) => {
  // What is loaded and compiled once is not memory of bodies.
  const call = SAMPLES.generic({ account: prepared.attacker.username, number: 1, start: 1 });
  const authorization = prepared.feeds.generic ?? '';
  const warm = await fetch(`${prepared.api.url}/ingest/v1/calls/generic`, {
    method: 'POST',
    headers: { authorization },
    body: `${call}\n`.repeat(20_000),
  });
  assert.equal(warm.status, 200);
  const times: number[] = [];
  for (let n = 0; n < 50; n++) times.push(await answerMs(prepared.api.url));
  idleMs = Math.max(LEAST_IDLE_MS, times.sort((a, b) => a - b)[25] ?? 0);
});
const packed = (text: string, bytes: number) =>
  gzipSync(Buffer.alloc(Math.floor(bytes / text.length) * text.length, text), { level: 9 });

const CALLS: [string, () => Buffer][] = [
  ['8,000,000 lines of x', () => packed('x\n', 16 * MIB)],
  ['lines that nearly are records', () => packed('{x}\n', 32 * MIB)],
  ['60 MiB of [', () => packed('[', 60 * MIB)],
  ['60 MiB of [ in lines', () => packed('[\n', 60 * MIB)],
  ['60 MiB of {"a":', () => packed('{"a":', 60 * MIB)],
  ['one line', () => packed('x', 60 * MIB)],
  [
    'one string',
    () => gzipSync(Buffer.concat([Buffer.from('[{"id":"'), Buffer.alloc(60 * MIB, 'x')])),
  ],
  [
    'empty records',
    () => gzipSync(Buffer.concat([Buffer.from('['), Buffer.alloc(40 * MIB, '{},')])),
  ],
  [
    'members of one record',
    () =>
      gzipSync(
        Buffer.concat([Buffer.from('{"a":[0'), Buffer.alloc(40 * MIB, ',0'), Buffer.from(']}')]),
      ),
  ],
  ['a form', () => gzipSync(Buffer.concat([Buffer.from('cdr='), Buffer.alloc(60 * MIB, '%7B')]))],
  ['plain lines', () => Buffer.alloc(15 * MIB, '{"id":1}\n')],
  ['blanks', () => packed(' ', 60 * MIB)],
];
const ROWS: [string, () => Buffer][] = [
  [
    'one quoted field',
    () => gzipSync(Buffer.concat([Buffer.from('"'), Buffer.alloc(60 * MIB, 'x')])),
  ],
  ['one quoted field of lines', () => packed('"x\n', 30 * MIB)],
  [
    'quotes and blanks',
    () => {
      const row = Buffer.concat([
        Buffer.alloc(16_000, '"a'),
        Buffer.alloc(16_000, ' '),
        Buffer.from(',\n'),
      ]);
      return gzipSync(Buffer.alloc(30 * MIB, row));
    },
  ],
];
const REPORTS: [string, () => Buffer][] = [
  ['40,000 damaged members', () => gzipSync(`[${'1,\n'.repeat(40_000)}1]`)],
  ['millions of reports', () => packed('{"a":1}\n', 40 * MIB)],
];

async function answerMs(url = target.api.url): Promise<number> {
  const start = performance.now();
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  return performance.now() - start;
}

/** What comes while others are taken in may be told to come again. */
function assertTaken(statuses: number[]): void {
  assert.ok(statuses.includes(200), statuses.join());
  assert.deepEqual(
    statuses.filter((status) => status !== 200 && status !== 503),
    [],
  );
}

/** Sends a body without a copy of it, which would be counted as the service's. */
async function statusOf(path: string, body: Buffer, authorization: string): Promise<number> {
  const headers = { authorization, 'content-length': body.length };
  const sent = request(`${target.api.url}${path}`, { method: 'POST', headers }).end(body);
  const [answer] = await once(sent, 'response');
  answer.resume();
  return answer.statusCode;
}

/** Sends the same body several times at once while another client asks, and measures both. */
async function assertBearable(path: string, format: string, body: Buffer): Promise<number[]> {
  const authorization = target.feeds[format] ?? '';
  const idle = process.memoryUsage.rss();
  let isDone = false;
  const times: number[] = [];
  let most = 0;
  const watch = (async () => {
    while (!isDone) {
      times.push(await answerMs());
      most = Math.max(most, process.memoryUsage.rss() - idle);
      await sleep(10);
    }
  })();
  const statuses = await Promise.all(
    Array.from({ length: AT_ONCE }, () => statusOf(path, body, authorization)),
  );
  isDone = true;
  await watch;
  // A machine that others use may stop any one answer for a moment; a frozen service stops many.
  const slow = times.sort((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? 0;
  assert.ok(slow < SLOWER * idleMs, `${slow} ms where ${idleMs} are usual`);
  assert.ok((times.at(-1) ?? 0) < FROZEN_MS, `${times.at(-1)} ms for one answer`);
  assert.ok(most < MOST_MEMORY_BYTES, `${most} bytes more`);
  return statuses;
}

for (const [format, bodies] of [
  ['freeswitch', CALLS],
  ['generic', CALLS],
  ['asterisk', ROWS],
] as const) {
  for (const [name, body] of bodies) {
    test(`${format}: ${name}`, async () => {
      const path = `/ingest/v1/calls/${format}`;
      const statuses = await assertBearable(path, format, body());
      assertTaken(statuses);
    });
  }
}

for (const [name, body] of REPORTS) {
  test(`registrations: ${name}`, async () => {
    const statuses = await assertBearable('/ingest/v1/registrations', 'generic', body());
    assertTaken(statuses);
  });
}

test('hundreds of thousands of good calls in one body', async () => {
  const start = Math.floor(target.api.service.clock().getTime() / 1_000) - 600;
  const { username: account } = target.attacker;
  const record = (number: number) => SAMPLES.generic({ account, number, start });
  const body = gzipSync(Array.from({ length: 100_000 }, (_, number) => record(number)).join('\n'));
  const statuses = await assertBearable('/ingest/v1/calls/generic', 'generic', body);
  assertTaken(statuses);
  const { imbalances } = await reconcile(target.api.service.db);
  assert.deepEqual(imbalances, []);
});

test('what is kept of all that is bounded', async () => {
  const [kept] = await target.api.service.db.query<{ rows: number; bytes: number }>(
    'SELECT count(*)::int AS rows, sum(length(raw))::float AS bytes FROM rejected_record',
  );
  assert.ok((kept?.rows ?? 0) < 40 * 1_001, String(kept?.rows));
  assert.ok((kept?.bytes ?? 0) < 200 * MIB, String(kept?.bytes));
});
