import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import type { Database, Queryable } from '../../db/database.ts';
import { readKeyFile } from '../../secret-key.ts';
import { currentKey, SEALED_API_KEYS } from '../access/api-key.ts';
import { renewKey } from '../account/credentials.ts';
import { beginRotation } from './keyring.ts';
import { countOldSeals, reSeal } from './re-seal.ts';

const api = sharedService();

/** The database; `happens` runs before the first transaction begins. */
function interrupted(db: Database, happens: () => Promise<void>): Database {
  let first = true;
  const transaction = async <T>(work: (tx: Queryable) => Promise<T>): Promise<T> => {
    if (first) {
      first = false;
      await happens();
    }
    return db.transaction(work);
  };
  return new Proxy(db, {
    get: (target, name) => {
      if (name === 'transaction') return transaction;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a key that is replaced while it is sealed anew stays the new one', async () => {
  const { db, keyring, queue, clock } = api.service;
  const [one, other] = [await api.signUp(), await api.signUp()];
  const current = await readKeyFile(join(api.folder, 'secret.key'));
  await db.transaction((tx) => beginRotation(tx, current, randomBytes(32)));
  assert.equal(await countOldSeals(db, SEALED_API_KEYS), 2);
  let renewed = '';
  const racing = interrupted(db, async () => {
    renewed = await renewKey(db, TESTER, { keyring, queue, now: clock() }, one.username);
  });
  await reSeal(racing, keyring, SEALED_API_KEYS, () => undefined);
  assert.equal(await countOldSeals(db, SEALED_API_KEYS), 0);
  const keyOf = ({ username, password }: typeof one) => currentKey(db, keyring, username, password);
  assert.equal(await keyOf(one), renewed);
  assert.match(await keyOf(other), /^[0-9a-f]{32}$/);
});
