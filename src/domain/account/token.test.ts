import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { closeAccount } from './account.ts';
import { issueToken, openMailedToken, redeemToken, type TokenPurpose } from './token.ts';

const api = sharedService();

const START = new Date('2030-01-01T12:00:00Z');
const later = (seconds: number) => new Date(START.getTime() + seconds * 1_000);

async function issue(username: number, purpose: TokenPurpose, at = START): Promise<string> {
  const { db, keyring } = api.service;
  const sealed = await issueToken(db, { keyring, now: at }, username, purpose);
  return openMailedToken(db, keyring, sealed, purpose);
}

const redeem = (token: string, purpose: TokenPurpose, at = START) =>
  redeemToken(api.service.db, { keyring: api.service.keyring, now: at }, token, purpose);

// Pages inspect a token before they redeem it; this test calls only the statement that redeems.

test('a token is redeemed once, within its life', async () => {
  const { username } = await api.signUp();
  const good = { state: 'good', username };
  for (const [purpose, life] of [
    ['verification', 86_400],
    ['recovery', 1_800],
  ] as const) {
    const late = await issue(username, purpose);
    assert.deepEqual(await redeem(late, purpose, later(life)), { state: 'expired' });
    assert.deepEqual(await redeem(late, purpose, later(life - 0.001)), good);
    assert.deepEqual(await redeem(late, purpose), { state: 'used' });
  }
});

test('a token that a newer one replaced is not redeemed, nor as one of another kind', async () => {
  const { username } = await api.signUp();
  const older = await issue(username, 'recovery');
  const newer = await issue(username, 'recovery');
  assert.deepEqual(await redeem(older, 'recovery'), { state: 'replaced' });
  assert.deepEqual(await redeem(newer, 'verification'), { state: 'unknown' });
  assert.deepEqual(await redeem(`${newer}x`, 'recovery'), { state: 'unknown' });
  assert.deepEqual(await redeem(newer, 'recovery'), { state: 'good', username });
});

test('a token from before the clock was set back is not redeemed', async () => {
  const { username } = await api.signUp();
  const ahead = await issue(username, 'recovery', later(301));
  assert.deepEqual(await redeem(ahead, 'recovery'), { state: 'expired' });
  const near = await issue(username, 'recovery', later(300));
  assert.deepEqual(await redeem(near, 'recovery'), { state: 'good', username });
});

test('a token of an account that was closed is not redeemed', async () => {
  const { username } = await api.signUp();
  const token = await issue(username, 'recovery');
  await closeAccount(api.service.db, TESTER, username, START);
  // Closing voids tokens, but not one that is issued at the same moment.
  await api.service.db.query('UPDATE token SET voided_at = NULL WHERE account = $1', [username]);
  assert.deepEqual(await redeem(token, 'recovery'), { state: 'unknown' });
});
