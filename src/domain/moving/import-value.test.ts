import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemberFault, moment } from './import-value.ts';

test('a time is one that the database has', () => {
  assert.equal(moment('0001-01-01').toISOString(), '0001-01-01T00:00:00.000Z');
  assert.equal(moment('9999-12-31 23:59:59').toISOString(), '9999-12-31T23:59:59.000Z');
  for (const text of [
    '0000-01-01',
    '0000-00-00 00:00:00',
    '0001-01-01 00:00:00+01',
    '9999-12-31 23:59:59-01:00',
    '2030-02-30',
  ]) {
    assert.throws(() => moment(text), MemberFault, text);
  }
});
