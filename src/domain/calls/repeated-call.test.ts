import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, reportedCall } from '../../../test/support/calls.ts';
import { sharedService } from '../../../test/support/service.ts';
import { storeCalls } from './call.ts';
import { checkRepeatedCalls } from './repeated-call.ts';

const api = sharedService();

const metric = async () => {
  const text = await (await fetch(`${api.url}/metrics`)).text();
  return /^account_api_calls_repeated (\S+)$/m.exec(text)?.[1];
};

test('ids with several starts or accounts are found, noted for the metrics, and forgotten', async () => {
  const { db, clock } = api.service;
  const now = clock();
  const [account, other] = [await addCustomer(api), await addCustomer(api)];
  const at = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
  const twice = reportedCall({ account, startedAt: at(1) });
  const elsewhere = reportedCall({ account, startedAt: at(100) });
  const longAgo = reportedCall({ account, startedAt: at(10) });
  await storeCalls(
    db,
    'x',
    [
      reportedCall({ account }),
      twice,
      { ...twice, startedAt: at(20) },
      { ...twice, startedAt: at(2) },
      elsewhere,
      { ...elsewhere, account: other, startedAt: at(101) },
      longAgo,
      { ...longAgo, startedAt: at(90) },
    ],
    now,
  );
  assert.equal(await metric(), '0');
  const expected = [
    { id: twice.id, calls: 3, accounts: 1 },
    { id: elsewhere.id, calls: 2, accounts: 2 },
  ].sort((a, b) => a.id.localeCompare(b.id));
  const found = await checkRepeatedCalls(db, now);
  assert.deepEqual(
    found.sort((a, b) => a.id.localeCompare(b.id)),
    expected,
  );
  assert.equal(await metric(), '2');
  assert.deepEqual(await checkRepeatedCalls(db, at(-24 * 8)), []);
  assert.equal(await metric(), '0');
});
