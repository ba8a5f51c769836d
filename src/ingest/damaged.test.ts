import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { addCustomer } from '../../test/support/calls.ts';
import { GENERIC_HEADER, genericRow, SAMPLES } from '../../test/support/records.ts';
import { post, startService, type TestService } from '../../test/support/service.ts';
import type { FeedFormat } from '../domain/calls/feed.ts';
import { membersOf } from './bodies/json-array.ts';
import { linesOf } from './bodies/lines.ts';

const RUNS = 20;
const LONGEST_BATCH = 4;

let api: TestService;
let account: number;
before(async () => {
  api = await startService();
  account = await addCustomer(api);
});
after(() => api.stop());

let nextNumber = 1;
const calls = (count: number) =>
  Array.from({ length: count }, () => ({
    account,
    number: nextNumber++,
    start: Math.floor(api.service.clock().getTime() / 1_000) - 600,
  }));

interface Edit {
  /** position as a fraction of the body's length */
  at: number;
  kind: 'change' | 'remove' | 'insert' | 'cut';
  byte: number;
}

// Bytes with a meaning in one of the formats are more likely than others.
const byte = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(...Buffer.from('"\\,{}[]%+=\n\r\0:0é')),
);
const edits = fc.array(
  fc.record<Edit>({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    kind: fc.constantFrom('change', 'remove', 'insert', 'cut'),
    byte,
  }),
  { minLength: 1, maxLength: 3 },
);

function damage(body: Buffer, changes: Edit[]): Buffer {
  return changes.reduce((bytes: Buffer, { at, kind, byte }) => {
    const position = Math.floor(at * bytes.length);
    const [head, tail] = [bytes.subarray(0, position), bytes.subarray(position)];
    const inserted = Buffer.from([byte]);
    if (kind === 'cut') return head;
    if (kind === 'insert') return Buffer.concat([head, inserted, tail]);
    return Buffer.concat([head, kind === 'change' ? inserted : Buffer.alloc(0), tail.subarray(1)]);
  }, body);
}

interface Outcome {
  /** records that were understood */
  taken: number;
  rejected: number;
  /** the kept bytes of rejected records */
  raws: Buffer[];
}

/** Sends a body twice; checks the counts, and that the second delivery changes nothing. */
async function deliver(format: FeedFormat, body: Buffer): Promise<Outcome> {
  const { db } = api.service;
  const authorization = await api.feed(format);
  const feed = Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0];
  const send = () => post(`${api.url}/ingest/v1/calls/${format}`, body, { authorization });
  const first = await send();
  assert.equal(first.status, 200, JSON.stringify(first.body));
  const { stored, duplicates, unbilled, rejected } = first.body;
  const [kept] = await db.query<{ stored: number }>(
    'SELECT count(*)::int AS stored FROM call WHERE feed = $1',
    [feed],
  );
  assert.equal(kept?.stored, stored);
  const rows = await db.query<{ raw: Buffer }>(
    'SELECT raw FROM rejected_record WHERE feed = $1 ORDER BY id',
    [feed],
  );
  assert.equal(rows.length === 0, rejected === 0);
  const again = (await send()).body;
  assert.deepEqual(
    [again.stored, again.duplicates, again.unbilled, again.rejected],
    [0, stored + duplicates, unbilled, rejected],
  );
  return { taken: stored + duplicates + unbilled, rejected, raws: rows.map(({ raw }) => raw) };
}

async function assertProperty(
  body: fc.Arbitrary<[() => Buffer, Edit[]]>,
  holds: (body: Buffer) => Promise<void>,
) {
  await fc.assert(
    fc.asyncProperty(body, async ([make, changes]) => holds(damage(make(), changes))),
    { numRuns: RUNS },
  );
}

const batch = fc.integer({ min: 1, max: LONGEST_BATCH });

const LINES: [string, FeedFormat, (count: number) => string[]][] = [
  ['kamailio', 'kamailio', (count) => calls(count).map(SAMPLES.kamailio)],
  ['opensips', 'opensips', (count) => calls(count).map(SAMPLES.opensips)],
  ['generic', 'generic', (count) => calls(count).map(SAMPLES.generic)],
  ['freeswitch', 'freeswitch', (count) => calls(count).map(SAMPLES.freeswitch)],
  ['asterisk', 'asterisk', (count) => calls(count).map(SAMPLES.asterisk)],
  ['generic CSV', 'generic', (count) => [GENERIC_HEADER, ...calls(count).map(genericRow)]],
];

for (const [name, format, lines] of LINES) {
  test(`${name}: of damaged lines none is lost`, () =>
    assertProperty(
      fc.tuple(
        batch.map((count) => () => Buffer.from(`${lines(count).join('\n')}\n`)),
        edits,
      ),
      async (body) => {
        const { taken, raws } = await deliver(format, body);
        const unknown = [...linesOf(body)].filter(
          ({ bytes }) => !raws.some((raw) => raw.includes(bytes)),
        );
        const first = unknown[0]?.bytes.toString().replace(/[ \t]/g, '');
        const header = first === GENERIC_HEADER && taken < unknown.length;
        assert.ok(
          unknown.length - (header ? 1 : 0) <= taken,
          `${unknown.length} lines, ${taken} taken`,
        );
      },
    ));
}

for (const format of ['freeswitch', 'kamailio', 'opensips', 'generic'] as const) {
  test(`${format}: of a damaged array nothing is lost`, () =>
    assertProperty(
      fc.tuple(
        batch.map(
          (count) => () => Buffer.from(`[${calls(count).map(SAMPLES[format]).join(', ')}]`),
        ),
        edits,
      ),
      async (body) => {
        const { taken, rejected, raws } = await deliver(format, body);
        if (!body.toString('latin1').trim().startsWith('[')) {
          assert.ok(taken + rejected > 0 || body.toString('latin1').trim() === '');
          return;
        }
        // The rest of the body must have as many members as were taken in.
        let left = body;
        for (const raw of raws) {
          let at = left.indexOf(raw);
          assert.ok(at >= 0, 'what is kept is part of what came');
          for (; at >= 0; at = left.indexOf(raw)) {
            left = Buffer.concat([left.subarray(0, at), left.subarray(at + raw.length)]);
          }
        }
        assert.ok([...membersOf(left)].length <= taken, left.toString());
      },
    ));
}

const isBlank = (body: Buffer) => body.toString('latin1').trim() === '';

test('freeswitch: a damaged encoded record is kept as it came', () =>
  assertProperty(
    fc.tuple(
      fc.boolean().map((base64) => () => {
        const json = SAMPLES.freeswitch(calls(1)[0] as never);
        const encoded = base64 ? Buffer.from(json).toString('base64') : encodeURIComponent(json);
        return Buffer.from(`cdr=${encoded}`);
      }),
      edits,
    ),
    async (body) => {
      const { taken, rejected, raws } = await deliver('freeswitch', body);
      if (isBlank(body)) assert.deepEqual([taken, rejected], [0, 0]);
      else if (taken === 0) assert.ok(Buffer.concat(raws).includes(body.subarray(0, body.length)));
    },
  ));

test('a damaged gzip body is read or kept as it came', () =>
  assertProperty(
    fc.tuple(
      batch.map((count) => () => gzipSync(calls(count).map(SAMPLES.generic).join('\n'))),
      edits,
    ),
    async (body) => {
      const { taken, raws } = await deliver('generic', body);
      if (taken === 0) assert.ok(isBlank(body) || raws.some((raw) => raw.equals(body)));
    },
  ));
