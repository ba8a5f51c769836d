import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimalsOf } from './currency.ts';

test('the decimals of each currency are those of Intl', () => {
  const codes = Intl.supportedValuesOf('currency');
  const known = codes.map((currency) => {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency });
    return [currency, format.resolvedOptions().maximumFractionDigits];
  });
  assert.deepEqual(
    codes.map((code) => [code, decimalsOf(code)]),
    known,
  );
});
