import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { addCustomer } from '../../test/support/calls.ts';
import { fc } from '../../test/support/properties.ts';
import { GENERIC_HEADER, genericRow, SAMPLES } from '../../test/support/records.ts';
import { post, sharedService } from '../../test/support/service.ts';
import type { FeedFormat } from '../domain/calls/feed.ts';

const RUNS = 20;
const LONGEST_BATCH = 4;

let account: number;
const api = sharedService({}, async () => {
  account = await addCustomer(api);
});

let nextNumber = 1;
/** Calls that started at different seconds, so that a stored call tells which record it was. */
const calls = (count: number) =>
  Array.from({ length: count }, () => ({
    account,
    number: nextNumber,
    start: Math.floor(api.service.clock().getTime() / 1_000) - 600 - nextNumber++,
  }));

interface Edit {
  /** position in thousandths of the body's length */
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
    at: fc.integer({ min: 0, max: 999 }),
    kind: fc.constantFrom('change', 'remove', 'insert', 'cut'),
    byte,
  }),
  { minLength: 1, maxLength: 3 },
);

interface Damaged {
  body: Buffer;
  /** for each byte, its place in the body before; -1: it is new */
  origins: number[];
}

function damage(whole: Buffer, changes: Edit[]): Damaged {
  const start = { body: whole, origins: [...whole.keys()] };
  return changes.reduce(({ body, origins }: Damaged, { at, kind, byte }) => {
    const from = Math.floor((at / 1_000) * body.length);
    const to = kind === 'cut' ? body.length : kind === 'insert' ? from : from + 1;
    const inserted = kind === 'change' || kind === 'insert' ? [byte] : [];
    return {
      body: Buffer.concat([body.subarray(0, from), Buffer.from(inserted), body.subarray(to)]),
      origins: [...origins.slice(0, from), ...inserted.map(() => -1), ...origins.slice(to)],
    };
  }, start);
}

/** @returns the longest part of a record that came in one piece */
function longestPiece({ body, origins }: Damaged, from: number, to: number): Buffer {
  let longest = body.subarray(0, 0);
  for (let at = 0; at < body.length; at++) {
    const first = at;
    if (!isWithin(origins[at])) continue;
    while (isWithin(origins[at + 1]) && origins[at + 1] === (origins[at] ?? 0) + 1) at++;
    if (at + 1 - first > longest.length) longest = body.subarray(first, at + 1);
  }
  return longest;

  function isWithin(origin = -1): boolean {
    return origin >= from && origin < to;
  }
}

interface Outcome {
  /** records that were understood */
  taken: number;
  rejected: number;
  /** when the stored calls started, in whole Unix seconds */
  starts: number[];
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
  const kept = await db.query<{ start: number }>(
    'SELECT floor(extract(epoch FROM started_at))::int AS start FROM call WHERE feed = $1',
    [feed],
  );
  assert.equal(kept.length, stored);
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
  return {
    taken: stored + duplicates + unbilled,
    rejected,
    starts: kept.map(({ start }) => start),
    raws: rows.map(({ raw }) => raw),
  };
}

const batch = fc.integer({ min: 1, max: LONGEST_BATCH });

/** A part of a damaged record that is shorter than this tells nothing about the record. */
const SHORTEST_PIECE = 20;

interface Shape {
  format: FeedFormat;
  record?: (call: ReturnType<typeof calls>[number]) => string;
  before?: string;
  between?: string;
  after?: string;
}

const array = { before: '[', between: ', ', after: ']' };
const BODIES: Record<string, Shape> = {
  'lines of kamailio': { format: 'kamailio' },
  'lines of opensips': { format: 'opensips' },
  'lines of generic': { format: 'generic' },
  'lines of freeswitch': { format: 'freeswitch' },
  'lines of asterisk': { format: 'asterisk' },
  'rows of generic CSV': { format: 'generic', before: `${GENERIC_HEADER}\n`, record: genericRow },
  'an array of kamailio': { format: 'kamailio', ...array },
  'an array of opensips': { format: 'opensips', ...array },
  'an array of generic': { format: 'generic', ...array },
  'an array of freeswitch': { format: 'freeswitch', ...array },
};

for (const [name, shape] of Object.entries(BODIES)) {
  const { format, record = SAMPLES[format] } = shape;
  const { before = '', between = '\n', after = '\n' } = shape;
  test(`${name}, damaged: each record is stored or kept`, () =>
    fc.assert(
      fc.asyncProperty(batch, edits, async (count, changes) => {
        const sent = calls(count);
        const records = sent.map((call) => Buffer.from(record(call)));
        const damaged = damage(Buffer.from(`${before}${records.join(between)}${after}`), changes);
        const { taken, starts, raws } = await deliver(format, damaged.body);
        // What is left of a damaged record may be kept in several parts, divided at commas and
        // brackets, and without blanks around it.
        const isKept = (piece: Buffer) =>
          piece
            .toString('latin1')
            .split(/[,\]\n]\s*/)
            .every((part) => raws.some((raw) => raw.includes(part.trim(), 0, 'latin1')));
        let from = before.length;
        let unknown = 0;
        let stored = 0;
        for (const [n, { length }] of records.entries()) {
          const piece = longestPiece(damaged, from, from + length);
          from += length + between.length;
          if (starts.includes(sent[n]?.start ?? 0)) stored++;
          else if (piece.length >= SHORTEST_PIECE && !isKept(piece)) unknown++;
        }
        // A damaged record may have been understood as a call with another start.
        assert.ok(unknown <= taken - stored, `${unknown} unknown in ${damaged.body}`);
      }),
      { numRuns: RUNS },
    ));
}

const isBlank = (body: Buffer) => body.toString('latin1').trim() === '';

test('freeswitch: a damaged encoded record is kept as it came', () =>
  fc.assert(
    fc.asyncProperty(fc.boolean(), edits, async (base64, changes) => {
      const [call] = calls(1);
      assert.ok(call);
      const json = SAMPLES.freeswitch(call);
      const encoded = base64 ? Buffer.from(json).toString('base64') : encodeURIComponent(json);
      const { body } = damage(Buffer.from(`cdr=${encoded}`), changes);
      const { taken, rejected, raws } = await deliver('freeswitch', body);
      if (isBlank(body)) assert.deepEqual([taken, rejected], [0, 0]);
      else if (taken === 0) assert.ok(Buffer.concat(raws).includes(body));
    }),
    { numRuns: RUNS },
  ));

test('a damaged gzip body is read or kept as it came', () =>
  fc.assert(
    fc.asyncProperty(batch, edits, async (count, changes) => {
      const whole = gzipSync(calls(count).map(SAMPLES.generic).join('\n'));
      const { body } = damage(whole, changes);
      const { taken, raws } = await deliver('generic', body);
      if (taken === 0) assert.ok(isBlank(body) || raws.some((raw) => raw.equals(body)));
    }),
    { numRuns: RUNS },
  ));
