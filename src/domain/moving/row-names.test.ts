import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { PLAIN_OPTIONS } from './import-kind.ts';
import { createRun, discardRun } from './import-run.ts';
import { forgetNames, RowNames } from './row-names.ts';

const api = sharedService();

test('names that several rows have are found, however far apart, also after a new start', async () => {
  const { db, keyring } = api.service;
  const file = { kind: 'accounts', options: PLAIN_OPTIONS, file: null, createdBy: null } as const;
  const { id } = await createRun(db, TESTER, file, new Date());
  const lines = Array.from({ length: 2_500 }, (_, n) => n + 2);
  // Lines 3 and 4 have the same name, and so have 5 and 2,400.
  const nameOf = (line: number) => `id ${{ 4: 3, 2400: 5 }[line] ?? line}`;
  for (const _ of ['first', 'resumed']) {
    const names = new RowNames(db, keyring, id);
    let doubled = 0;
    for (const line of lines) doubled += await names.note([{ name: nameOf(line), line }]);
    doubled += await names.flush();
    assert.equal(doubled, 2);
    const first = await names.firstLines(db, ['id 3', 'id 5', 'id 4', 'id 2501', 'id 9999']);
    assert.deepEqual(
      [...first].sort(([, one], [, other]) => one - other),
      [
        ['id 3', 3],
        ['id 5', 5],
        ['id 2501', 2501],
      ],
    );
  }
  const stored = () => db.query('SELECT name FROM import_name WHERE run = $1', [id]);
  assert.equal((await stored()).length, 2_498);
  await forgetNames(db, id);
  assert.deepEqual(await stored(), []);
});

test('names of an import that was discarded meanwhile are not kept', async () => {
  const { db, keyring } = api.service;
  const file = { kind: 'accounts', options: PLAIN_OPTIONS, file: null, createdBy: null } as const;
  const { id } = await createRun(db, TESTER, file, new Date());
  const names = new RowNames(db, keyring, id);
  await names.note([{ name: 'id 1', line: 2 }]);
  await discardRun(db, TESTER, id, new Date());
  await names.flush();
  assert.deepEqual(await db.query('SELECT FROM import_name WHERE run = $1', [id]), []);
});
