import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAccountName } from './account-name.ts';

test('a name is one visible line that leaves the text beside it as it is', () => {
  for (const name of [
    'Example Company',
    'Żółć',
    'שלום',
    '株式会社',
    'a\u00a0b',
    'e\u0301',
    '😀'.repeat(100),
  ]) {
    assert.ok(isAccountName(name), name);
  }
  const wrong = [
    '',
    ' ',
    '\u00a0',
    'a\nb',
    'a\u0085b',
    'a\u2028b',
    'a\u202eb',
    'a\u2066b',
    '\u2067',
    'a\u007f',
  ];
  for (const name of [...wrong, '😀'.repeat(101)]) {
    assert.ok(!isAccountName(name), JSON.stringify(name));
  }
});
