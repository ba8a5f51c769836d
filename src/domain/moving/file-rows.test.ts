import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type OpenFile, readFileRows } from './file-rows.ts';

const MEGABYTE = 2 ** 20;
const HEAD = Buffer.from('externalId,name\n');

function repeated(bytes: Buffer, times: number, end: string): OpenFile {
  return async function* () {
    yield HEAD;
    for (let n = 0; n < times; n++) yield bytes;
    yield Buffer.from(end);
  };
}

async function read(open: OpenFile) {
  const rows: [number, string | undefined, string | undefined][] = [];
  for await (const { line, cells, fault } of readFileRows(open, 'utf-8')) {
    rows.push([line, cells?.get('externalid'), fault]);
  }
  return rows;
}

test('a line of a gigabyte, a million columns and a gzip bomb are faults, and take no memory', async () => {
  const long = 'longer than 65536 bytes';
  const bomb = gzipSync(
    Buffer.concat([HEAD, Buffer.alloc(100 * MEGABYTE, 'x'), Buffer.from('\nlast,Row\n')]),
  );
  const before = process.memoryUsage().rss;
  const cases: [string, OpenFile][] = [
    ['a gigabyte', repeated(Buffer.alloc(MEGABYTE, 'x'), 1_024, '\nlast,Row\n')],
    ['a million columns', repeated(Buffer.alloc(MEGABYTE, ','), 1, '\nlast,Row\n')],
    [
      'a bomb',
      async function* () {
        yield bomb;
      },
    ],
  ];
  for (const [name, open] of cases) {
    assert.deepEqual(
      await read(open),
      [
        [2, undefined, long],
        [3, 'last', undefined],
      ],
      name,
    );
  }
  const grown = (process.memoryUsage().rss - before) / MEGABYTE;
  assert.ok(grown < 100, `${grown} MiB`);
});
