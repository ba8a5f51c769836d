import assert from 'node:assert/strict';
import { test } from 'node:test';
import { post as postMoney } from './support/calls.ts';
import { startContract } from './support/contract.ts';
import { sharedJson } from './support/shared-command.ts';
import { Visitor } from './support/visitor.ts';

test('a balance is seen by the account that pays, and by others only if it allows that', async () => {
  const contract = await startContract();
  const { api } = contract;
  try {
    const payer = await contract.signUp();
    const sub = await contract.addSubAccount(payer.username);
    await postMoney(api.service.db, payer.username, '12.34');
    const seenBy = async ({ username, password, apikey }: typeof sub) => {
      const headers = { authorization: `Bearer ${apikey}` };
      const answer = await fetch(`${api.url}/v2.2/account`, { headers });
      const { data } = (await answer.json()) as { data: { cash?: number } };
      const visitor = await Visitor.signedIn(api.url, { username, password });
      const { body } = await visitor.open('/overview');
      const isPaid = body.includes(`paid by account ${payer.username}`);
      return { member: data.cash, isShown: body.includes('12.34'), isPaid };
    };
    assert.deepEqual(await seenBy(payer), { member: 12.34, isShown: true, isPaid: false });
    assert.deepEqual(await seenBy(sub), { member: undefined, isShown: false, isPaid: true });
    const set = ['account', 'set', String(sub.username), '--shows-balance', 'on'];
    assert.equal((await sharedJson(api.env, ...set)).showsBalance, true);
    assert.deepEqual(await seenBy(sub), { member: 12.34, isShown: true, isPaid: true });
    const { accounts } = await sharedJson(api.env, 'account', 'list');
    const cashOf = (of: number) =>
      accounts.find(({ username }: { username: number }) => username === of).cash;
    assert.deepEqual([cashOf(payer.username), cashOf(sub.username)], ['12.340000', null]);
  } finally {
    await api.stop();
  }
});
