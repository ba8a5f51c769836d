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

test('a member that is there twice is a fault, and numbers are read as they are written', async () => {
  const rows = [
    '{"externalId":"a","cash":123456789012.123456}',
    '{"externalId":"b","cash":"5","cash":"500"}',
    '{"externalId":"c","cash":"5","Cash":"500"}',
    '{"externalId":"d:\\"e","cash":25.50}',
    '{"externalId":"f","cash":7}',
  ];
  const read = [];
  const open: OpenFile = async function* () {
    yield Buffer.from(rows.join('\n'));
  };
  for await (const { cells, fault } of readFileRows(open, 'utf-8')) {
    read.push(fault ?? [...(cells?.values() ?? [])]);
  }
  assert.deepEqual(read, [
    ['a', '123456789012.123456'],
    'a member is there twice',
    'a member is there twice',
    ['d:"e', '25.50'],
    ['f', '7'],
  ]);
});

test('others have their turn while rows and blank lines are read', async () => {
  for (const lines of ['x,y\n', '\n']) {
    let turns = 0;
    const count = setInterval(() => turns++, 1);
    await read(repeated(Buffer.alloc(MEGABYTE, lines), 1, '\nlast,Row\n'));
    clearInterval(count);
    assert.ok(turns >= 5, `${turns} turns`);
  }
});
