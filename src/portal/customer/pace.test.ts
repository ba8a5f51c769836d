import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccountDetails } from '../../domain/account/account-directory.ts';
import { addDays } from '../../domain/day.ts';
import { daysLeft, spendOf } from './pace.ts';

test('a month is compared with the same days of the last one, also if that one is shorter', () => {
  const year = Array.from({ length: 59 }, (_, n) => ({
    start: new Date(`${addDays('2026-02-01', n)}T00:00Z`),
    amount: '1.000000',
    calls: 1,
    answered: 1,
    billedSeconds: 60,
  }));
  const until = (day: string) => year.filter(({ start }) => start <= new Date(`${day}T00:00Z`));
  const spend = (day: string) => Object.values(spendOf(until(day), day, 'UTC')).map(Number);
  assert.deepEqual(spend('2026-03-10'), [10, 10, 28, 30]);
  assert.deepEqual(spend('2026-03-31'), [31, 28, 28, 30]);
  assert.deepEqual(spend('2026-03-01'), [1, 1, 28, 29]);
});

test('a balance lasts as long as calls and monthly charges go on', () => {
  const now = new Date('2026-11-26T12:00Z');
  const old = new Date('2026-01-01T00:00Z');
  const account = { username: 1, masterAccount: 1, billing: 'prepaid', cash: '30', createdAt: old };
  const cases: [object, string, string, number | undefined][] = [
    [{}, '30', '0', 30],
    [{}, '15', '15', 30],
    [{ cash: '0.5' }, '30', '0', 0],
    [{ cash: '123456789.01' }, '30', '0', 123_456_789],
    [{ createdAt: new Date('2026-11-24T12:00Z') }, '30', '0', 2],
    [{ createdAt: now }, '30', '30', 0],
    [{}, '0', '0', undefined],
    [{ cash: '0' }, '30', '0', undefined],
    [{ cash: '-1' }, '30', '0', undefined],
    [{ billing: 'postpaid' }, '30', '0', undefined],
    [{ masterAccount: 2 }, '30', '0', undefined],
  ];
  for (const [change, recent, monthly, days] of cases) {
    const details = { ...account, ...change } as AccountDetails;
    assert.equal(daysLeft(details, { recent, monthly }, now), days, JSON.stringify(change));
  }
});
