import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ParsedMail } from 'mailparser';
import { sharedService, submit } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { searchAudit } from '../../domain/audit.ts';

const PATH = '/settings/address';

const api = sharedService();

async function signedIn() {
  const { username, password, email } = await api.signUp();
  const visitor = await Visitor.signedIn(api.url, { username, password });
  await visitor.open('/settings');
  return { visitor, username, password, email };
}

const linkIn = (mails: ParsedMail[]) =>
  mails.map(({ text }) => /\S+\/confirm-address\?\S+/.exec(text ?? '')?.[0]).find(Boolean) ?? '';
const addressOf = async (username: number) =>
  (await describeAccount(api.service.db, username)).email;

test('an address changes once the old and the new address have both confirmed it', async () => {
  const { visitor, username, password, email } = await signedIn();
  const next = `new-${username}@example.net`;
  const asked = await visitor.submitAndFollow(PATH, { email: next, 'address-password': password });
  assert.match(asked.body, /We have mailed a link to your present address/);
  assert.match(asked.body, new RegExp(`confirmation by ${email}, ${next}`));
  const [old, fresh] = [await api.mails(email, 2), await api.mails(next)];
  for (const words of ['Example Company', email]) {
    const { text, html } = fresh[0] ?? {};
    assert.ok(
      !`${text}${html}`.includes(words),
      'nothing that a stranger chose to an unknown address',
    );
  }
  assert.equal((await fetch(linkIn(fresh))).status, 200);
  assert.equal(await addressOf(username), email, 'opening a link changes nothing');

  assert.match((await submit(linkIn(fresh))).body, /once the other address has confirmed/);
  assert.equal(await addressOf(username), email);
  const half = await visitor.open('/settings');
  assert.match(half.body, new RegExp(`confirmation by ${email}\\.`));
  assert.equal((await submit(linkIn(fresh))).status, 400, 'a link works once');
  assert.match((await submit(linkIn(old))).body, /The address is changed/);
  const changed = await describeAccount(api.service.db, username);
  assert.deepEqual([changed.email, changed.verifiedAt !== null], [next, true]);
  assert.doesNotMatch((await visitor.open('/settings')).body, /A change waits/);
  assert.equal((await api.mails(next, 2)).length, 2, 'both are told of the change');
  const trail = await searchAudit(api.service.db, { account: username }, { limit: 10 });
  assert.deepEqual(
    trail.map(({ action, actor }) => [action, actor]),
    [
      ['account changed', 'confirmed address'],
      ['address change requested', `customer ${username}`],
    ],
  );
});

test('the password, another address and few mails are needed; a new request voids the links', async () => {
  const { visitor, username, password, email } = await signedIn();
  const ask = async (address: string, given = password) => {
    const answer = await visitor.submit(PATH, { email: address, 'address-password': given });
    if (answer.status === 303) await visitor.open('/settings');
    return answer;
  };
  const first = `first-${username}@example.net`;
  const refusals: [string, string, RegExp][] = [
    ['nobody', password, /This is not an e-mail address/],
    [first, 'not the password', /id="address-password-problem"/],
    [email.toUpperCase(), password, /This is your address already/],
  ];
  for (const [address, given, problem] of refusals) {
    const answer = await ask(address, given);
    assert.equal(answer.status, 400, address);
    assert.match(answer.body, problem);
    assert.ok(answer.body.includes(`value="${address}"`), 'what was typed stays');
  }
  assert.equal((await ask(first)).status, 303);
  const voided = linkIn(await api.mails(first));
  const tooOften = await ask(`second-${username}@example.net`);
  assert.equal(tooOften.status, 400, 'three mails within the hour');
  assert.match(tooOften.body, /three mails within the hour/);
  api.advance(3_601);
  assert.equal((await ask(`second-${username}@example.net`)).status, 303);
  assert.equal((await submit(voided)).status, 400);
  const swapped = linkIn(await api.mails(`second-${username}@example.net`)).replace(
    'by=after',
    'by=before',
  );
  assert.equal((await submit(swapped)).status, 400, 'one link does not stand for both');
  assert.equal(await addressOf(username), email);
});
