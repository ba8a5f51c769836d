import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import { accountKind } from '../moving/import-accounts.ts';
import { PLAIN_OPTIONS } from '../moving/import-kind.ts';
import { RowNames } from '../moving/row-names.ts';
import { hashesComputed, hashPassword } from './password.ts';

const api = sharedService();
const ROWS = 500;
// Those that run already, and as many that begin before the answer is noticed.
const MOST_BEFORE = 8;

test('who signs in does not wait for the passwords and hashes of an import', async () => {
  const { db, keyring, queue } = api.service;
  const tools = {
    ...{ db, keyring, queue, actor: TESTER, now: new Date(), rate: '0', sipRealm: '' },
    ...{ currency: 'USD', wantsCredentials: false, names: new RowNames(db, keyring, 'imp_1') },
    options: { ...PLAIN_OPTIONS, passwords: 'take' as const },
  };
  for (const secret of [
    { password: 'Plain text of before' },
    { passwordHash: 'a'.repeat(32), passwordScheme: 'md5' },
  ]) {
    const rows = Array.from({ length: ROWS }, (_, line) => {
      return { line, values: { externalId: `p-${line}`, ...secret } };
    });
    const before = hashesComputed();
    const preparing = accountKind.prepare?.(tools, rows);
    await waitUntil(() => hashesComputed() > before, undefined, 1);
    const began = hashesComputed();
    await hashPassword('Somebody signs in');
    const others = hashesComputed() - began;
    await preparing;
    assert.ok(others <= MOST_BEFORE, `${others} hashes before it`);
    assert.ok(hashesComputed() - before > ROWS);
  }
});
