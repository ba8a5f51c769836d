import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { feedOf } from '../../../test/support/parsing.ts';
import { GENERIC_HEADER, genericRow, SAMPLES } from '../../../test/support/records.ts';
import type { FeedFormat } from '../../domain/calls/feed.ts';
import { PARSERS } from '../take-in.ts';
import { readPieces } from './pieces.ts';
import { unpacked } from './unpack.ts';

const SIZES = { piece: 700, record: 2_000 };
const calls = Array.from({ length: 40 }, (_, number) => ({
  account: 2_000_000_001,
  number,
  start: 1_747_345_200 + number,
}));

/** A stream with the bytes in chunks of irregular sizes. */
function streamOf(body: Buffer): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = (size * 7) % 311) {
    chunks.push(body.subarray(at, at + size));
  }
  return Readable.from(chunks);
}

/** The parser's results for each piece: ids of calls; details and lines of rejected records. */
async function read(format: FeedFormat, body: Buffer, sizes = SIZES) {
  const feed = feedOf(format);
  const records: string[] = [];
  let pieces = 0;
  for await (const { bytes, linesBefore, isTooLong } of readPieces(
    unpacked(streamOf(body)),
    sizes,
  )) {
    pieces++;
    if (isTooLong) {
      records.push(`${linesBefore + 1}: too long`);
      continue;
    }
    for (const record of PARSERS[format](bytes, feed)) {
      if (record?.kind === 'call') records.push(record.call.id);
      else if (record?.kind === 'rejected') {
        records.push(`${linesBefore + record.origin.line()}: ${record.origin.raw()}`);
      }
    }
  }
  return { records, pieces };
}

const idsOf = async (format: FeedFormat, lines: string[]) =>
  (await read(format, Buffer.from(lines.join('\n')), { piece: 1e9, record: 1e9 })).records;

for (const format of ['kamailio', 'freeswitch', 'asterisk'] as const) {
  test(`${format}: lines in pieces are the same records, damaged ones with their line`, async () => {
    const lines = calls.map(SAMPLES[format]);
    const expected = await idsOf(format, lines);
    lines.splice(30, 0, 'damaged');
    expected.splice(30, 0, '31: damaged');
    const whole = Buffer.from(lines.join('\n'));
    for (const body of [whole, Buffer.from(`${lines.join('\n')}\n`), gzipSync(whole)]) {
      const { records, pieces } = await read(format, body);
      assert.deepEqual(records, expected);
      assert.ok(pieces > 3, String(pieces));
    }
  });
}

test('the header of a CSV goes with every piece, and lines are those of the file', async () => {
  const rows = calls.map(genericRow);
  const expected = await idsOf('generic', [GENERIC_HEADER, ...rows]);
  rows.splice(30, 0, 'damaged,1');
  expected.splice(30, 0, `32: ${GENERIC_HEADER}\ndamaged,1`);
  const { records, pieces } = await read(
    'generic',
    Buffer.from([GENERIC_HEADER, ...rows].join('\n')),
  );
  assert.deepEqual(records, expected);
  assert.ok(pieces > 3);
});

test('a large array is cut between its members', async () => {
  const members = calls.map(SAMPLES.generic);
  const expected = await idsOf('generic', members);
  members.splice(30, 0, '{\n"damaged": 1.0}');
  expected.splice(30, 0, '32: {\n"damaged": 1.0}');
  const { records } = await read('generic', Buffer.from(`[\n${members.join(',\n')}\n]\n`));
  assert.deepEqual(records, expected);
  const cut = await read('generic', Buffer.from(`[\n${members.join(',\n')}`.slice(0, -10)));
  assert.deepEqual(cut.records.slice(0, -1), expected.slice(0, -1));
  assert.match(cut.records.at(-1) ?? '', /^43: \{"id"/);
});

test('a small file is one piece, in whatever form it is', async () => {
  const one = Buffer.from(JSON.stringify(JSON.parse(SAMPLES.generic(calls[0] as never)), null, 2));
  const { records, pieces } = await read('generic', one);
  assert.deepEqual(
    [records, pieces],
    [await idsOf('generic', [SAMPLES.generic(calls[0] as never)]), 1],
  );
  assert.deepEqual(await read('generic', Buffer.alloc(0)), { records: [], pieces: 0 });
  assert.deepEqual(await read('generic', gzipSync('')), { records: [], pieces: 0 });
});

test('what is too long to be a record is passed over, and all around it is read', async () => {
  const [first = '', second = ''] = calls.map(SAMPLES.generic);
  const ids = await idsOf('generic', [first, second]);
  const expected = [ids[0], '2: too long', ids[1]];
  const long = 'x'.repeat(200_000);
  const { records } = await read('generic', Buffer.from(`${first}\n${long}\n${second}\n`));
  assert.deepEqual(records, expected);
  const member = `{"a": "${long}"}`;
  const array = await read('generic', Buffer.from(`[${first},\n${member},\n${second}]`));
  assert.deepEqual(array.records, expected);
  const blank = ' \n'.repeat(10_000);
  const late = await read('generic', Buffer.from(`${blank}[${first},${second},1]`));
  assert.deepEqual(late.records, [...ids, '10001: 1']);
});

test('a member that lost a quote or bracket takes no later line with it', async () => {
  const members = calls.map(SAMPLES.generic);
  const ids = await idsOf('generic', members);
  for (const damaged of ['{"id": "x}', '{"id": "x"', '[{', '{"id": {"x": 1}']) {
    for (const count of [4, 40]) {
      const body = [...members.slice(0, 2), damaged, ...members.slice(2, count)].join(',\n');
      const { records } = await read('generic', Buffer.from(`[${body}\n]`));
      const others = records.filter((record) => ids.includes(record));
      assert.deepEqual(others, ids.slice(0, count), damaged);
      assert.equal(records[2], `3: ${damaged}`);
    }
  }
});

test('arrays that follow each other are read', async () => {
  const members = calls.map(SAMPLES.generic);
  const arrays = members.map((member) => `[${member}]`).join('\n');
  assert.deepEqual(
    (await read('generic', Buffer.from(arrays))).records,
    await idsOf('generic', members),
  );
});

test('a quoted line end stays in its row, wherever a CSV is cut', async () => {
  const rows = calls.map((call) => genericRow(call).replace('Alice', 'Alice\nB'));
  const { records, pieces } = await read(
    'generic',
    Buffer.from([GENERIC_HEADER, ...rows].join('\n')),
  );
  assert.deepEqual(records, await idsOf('generic', calls.map(SAMPLES.generic)));
  assert.ok(pieces > 3);
});

test('damaged gzip is an error after what could be read', async () => {
  const packed = gzipSync(calls.map(SAMPLES.kamailio).join('\n'));
  await assert.rejects(read('kamailio', packed.subarray(0, -20)), /unexpected end of file/);
});
