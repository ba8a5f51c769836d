import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { changeAccount, closeAccount } from '../account/account.ts';
import { replaceSipSecret, sipSecret } from '../account/credentials.ts';
import { searchAudit } from '../audit.ts';
import { completeSipSecrets, type SipTools } from './sip-secret.ts';

const ACTOR = { who: 'operator test', from: 'test' };

let tools: SipTools;
const api = sharedService({ SIP_REALM: 'sip.example.com' }, async () => {
  tools = { keyring: api.service.keyring, realm: api.service.config.sipRealm };
});

const offered = (username: number) =>
  api.service.db.query('SELECT * FROM sip_subscriber WHERE username = $1', [String(username)]);

const row = (username: number, realm: string, secret: string, user = String(username)) => ({
  username: user,
  domain: realm,
  ha1: createHash('md5').update(`${user}:${realm}:${secret}`).digest('hex'),
  account: String(username),
});

test('an account that signs up has a secret of its own, and a switch is offered its HA1', async () => {
  const { db, clock } = api.service;
  const { username, password } = await api.signUp();
  const credentials = await sipSecret(db, tools, username, clock());
  assert.match(credentials.secret, /^[a-km-np-zA-HJ-NP-Z2-9]{20}$/);
  assert.notEqual(credentials.secret, password);
  assert.deepEqual(credentials, {
    username,
    user: String(username),
    realm: 'sip.example.com',
    secret: credentials.secret,
  });
  assert.deepEqual(await sipSecret(db, tools, username, clock()), credentials);
  assert.deepEqual(await offered(username), [row(username, 'sip.example.com', credentials.secret)]);
});

test('a replaced secret is another one, and the audit trail says so without it', async () => {
  const { db, clock } = api.service;
  const { username } = await api.signUp();
  const before = await sipSecret(db, tools, username, clock());
  const renewed = await replaceSipSecret(
    db,
    ACTOR,
    { sip: tools, queue: api.service.queue, now: clock() },
    username,
  );
  assert.notEqual(renewed.secret, before.secret);
  assert.deepEqual(await sipSecret(db, tools, username, clock()), renewed);
  assert.deepEqual(await offered(username), [row(username, 'sip.example.com', renewed.secret)]);
  const [entry] = await searchAudit(db, { account: username }, { limit: 1 });
  assert.equal(entry?.action, 'sip secret renewed');
  assert.deepEqual(entry?.detail, {});
});

test('phones keep the user of an earlier system, also with a new secret and a new realm', async () => {
  const { db, clock, queue } = api.service;
  const [{ username }, other] = [await api.signUp(), await api.signUp()];
  const at = { sip: tools, queue, now: clock() };
  const set = { user: 'office-7', secret: 'as on the old system' };
  const kept = await replaceSipSecret(db, ACTOR, at, username, set);
  assert.deepEqual(kept, { username, realm: 'sip.example.com', ...set });
  assert.deepEqual(await sipSecret(db, tools, username, clock()), kept);
  const rows = (realm: string, secret: string) => [row(username, realm, secret, 'office-7')];
  const offeredTo = () =>
    db.query('SELECT * FROM sip_subscriber WHERE account = $1', [String(username)]);
  assert.deepEqual(await offeredTo(), rows('sip.example.com', set.secret));
  await completeSipSecrets(db, { ...tools, realm: 'sip.example.net' }, clock());
  assert.deepEqual(await offeredTo(), rows('sip.example.net', set.secret));
  await completeSipSecrets(db, tools, clock());
  const { secret } = await replaceSipSecret(db, ACTOR, at, username);
  assert.deepEqual(await offeredTo(), rows('sip.example.com', secret));
  for (const user of ['office-7', String(username)]) {
    const taken = replaceSipSecret(db, ACTOR, at, other.username, { user });
    await assert.rejects(taken, { code: 'conflict' });
  }
  assert.equal((await offered(other.username)).length, 1);
});

test('switches are offered neither disabled nor closed accounts', async () => {
  const { db, clock } = api.service;
  const { username } = await api.signUp();
  await changeAccount(db, ACTOR, { queue: api.service.queue, now: clock() }, username, {
    enabled: false,
  });
  assert.deepEqual(await offered(username), []);
  await changeAccount(db, ACTOR, { queue: api.service.queue, now: clock() }, username, {
    enabled: true,
  });
  assert.equal((await offered(username)).length, 1);
  await closeAccount(db, ACTOR, username, clock());
  assert.deepEqual(await offered(username), []);
  const closed = { code: 'not found' };
  await assert.rejects(sipSecret(db, tools, username, clock()), closed);
  await assert.rejects(
    replaceSipSecret(db, ACTOR, { sip: tools, queue: api.service.queue, now: clock() }, username),
    closed,
  );
});

test('an account without a secret gets one when it is asked for', async () => {
  const { db, clock } = api.service;
  const { username } = await api.signUp();
  await db.query('DELETE FROM sip_secret WHERE account = $1', [username]);
  const both = await Promise.all([1, 2].map(() => sipSecret(db, tools, username, clock())));
  assert.deepEqual(both[0], both[1]);
  assert.deepEqual(await offered(username), [
    row(username, 'sip.example.com', both[0]?.secret ?? ''),
  ]);
});

test('accounts without a secret, and secrets of another realm, are completed', async () => {
  const { db, clock } = api.service;
  const [missing, moved] = [await api.signUp(), await api.signUp()];
  const { secret } = await sipSecret(db, tools, moved.username, clock());
  await db.query('DELETE FROM sip_secret WHERE account = $1', [missing.username]);
  const other = { ...tools, realm: 'sip.example.net' };
  await Promise.all([1, 2].map(() => completeSipSecrets(db, other, clock())));
  assert.deepEqual(await offered(moved.username), [row(moved.username, 'sip.example.net', secret)]);
  const made = await sipSecret(db, other, missing.username, clock());
  assert.deepEqual(await offered(missing.username), [
    row(missing.username, 'sip.example.net', made.secret),
  ]);
  await completeSipSecrets(db, tools, clock());
});
