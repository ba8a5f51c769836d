import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyCharacter, fc } from '../../test/support/properties.ts';
import { sharedService } from '../../test/support/service.ts';
import { plainArray, textArray } from './array-text.ts';

const api = sharedService();

test('texts come out of an array as they went in', async () => {
  const special = [
    '',
    'NULL',
    'null',
    '"',
    '\\',
    '{}',
    ',',
    ' a ',
    '\n',
    '\t',
    '\u00a0',
    'ä€😀',
    "'",
  ];
  const text = fc.oneof(
    fc.constantFrom(...special, undefined, null),
    fc.string({ unit: anyCharacter }).map((value) => value.replaceAll('\0', '')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(text), async (texts) => {
      const [row] = await api.service.db.query<{ texts: unknown[] }>('SELECT $1::text[] AS texts', [
        textArray(texts),
      ]);
      assert.deepEqual(
        row?.texts,
        texts.map((value) => value ?? null),
      );
    }),
    { numRuns: 200 },
  );
});

test('numbers and what is missing come out of an array as they went in', async () => {
  const [row] = await api.service.db.query(
    'SELECT to_json($1::bigint[]) AS numbers, $2::numeric[]::text AS decimals, $3::int[] AS none',
    [plainArray([1, undefined, 2 ** 53 - 1, -3]), plainArray(['0.5', undefined]), plainArray([])],
  );
  assert.deepEqual(row, {
    numbers: [1, null, 2 ** 53 - 1, -3],
    decimals: '{0.5,NULL}',
    none: [],
  });
});
