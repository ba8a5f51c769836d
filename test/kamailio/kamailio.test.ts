import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { changeAccount } from '../../src/domain/account/account.ts';
import { replaceSipSecret } from '../../src/domain/account/credentials.ts';
import { addNumber, removeNumber } from '../../src/domain/billing/recurring-charge.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { changeFeed } from '../../src/domain/calls/feed.ts';
import { blockPrefixes } from '../../src/domain/rating/blocked-prefix.ts';
import { post } from '../support/calls.ts';
import { waitUntil } from '../support/wait.ts';
import type { Customer } from '../switches/service.ts';
import { answeringPhone, call, carrierCall, REALM, register, strangersCall } from './switch.ts';
import { type System, startSystem } from './system.ts';

const ACTOR = { who: 'operator test', from: 'test' };
const AGENT = 'Zoiper rv2.8.97/';
const NUMBER = '12125550123';

let system: System;
before(async () => {
  system = await startSystem();
});
after(() => system?.stop());

const db = () => system.service.db;

async function registered({ apikey }: Customer): Promise<{ uri: string; agent: string } | number> {
  const { status, body } = await system.ask('registration', apikey);
  return status === 200 ? body.account : status;
}

/** A customer with some cash, billed by the second. */
async function customer(cash: string, rate = '0.6'): Promise<Customer> {
  const created = await system.signUp();
  const terms = { rate, minimumSeconds: 1, incrementSeconds: 1 };
  await changeAccount(
    db(),
    ACTOR,
    { queue: system.service.queue, now: new Date() },
    created.username,
    terms,
  );
  await post(db(), created.username, cash);
  return created;
}

const hasNumber = ({ username }: Customer, number: string) =>
  addNumber(db(), ACTOR, { account: username, number, monthly: '1' }, new Date());

interface Row {
  key: [string, string];
  value: Record<'cid' | 'dst' | 'ip' | 'dur' | 'nr' | 'ba' | 'cn', string>;
}

/** Waits until the customer has this many calls. @returns them, newest first */
async function callsOf({ apikey }: Customer, count: number): Promise<[Row, ...Row[]]> {
  let rows: Row[] = [];
  await waitUntil(async () => {
    rows = (await system.ask('cdr', apikey)).body.cdr;
    return rows.length >= count;
  });
  assert.equal(rows.length, count);
  return rows as [Row, ...Row[]];
}

/** Asserts the price of a call at a cent per second. @returns the cents */
function centsOf({ value: { dur, ba } }: Row, least: number, most: number): number {
  const seconds = Number(dur);
  assert.ok(seconds >= least && seconds <= most, `${dur} s, not ${least} to ${most}`);
  assert.equal(ba, (seconds / 100).toFixed(6));
  return seconds;
}

const cashOf = async ({ apikey }: Customer) =>
  (await system.ask('info', apikey)).body.account[0].cash as number;

const holdsOf = ({ username }: Customer) =>
  db().query('SELECT call_id FROM hold WHERE account = $1', [username]);

const uriOf = ({ username }: Customer, host: string) => ({
  uri: `sip:${username}@${host}`,
  agent: AGENT,
});

async function shows(phone: Customer, expected: object | number): Promise<void> {
  await waitUntil(
    async () => JSON.stringify(await registered(phone)) === JSON.stringify(expected),
    12_000,
  );
}

test('a customer who signed up registers with the SIP secret, and unregisters', async () => {
  const phone = await system.signUp();
  const contact = `<sip:${phone.username}@192.0.2.1:5060;transport=UDP;rinstance=abc>`;
  assert.equal(await registered(phone), 404);
  const first = await register(system.sip, phone, { contact });
  assert.equal(first.status, 0, first.output);
  assert.deepEqual(await registered(phone), uriOf(phone, '192.0.2.1:5060'));
  const last = await register(system.sip, phone, { contact, expires: 0 });
  assert.equal(last.status, 0, last.output);
  assert.equal(await registered(phone), 404);
  assert.deepEqual(await db().query('SELECT FROM registration'), [], 'nothing was pushed');
});

test('of two contacts the newer is shown, and the other once it has expired', async () => {
  const phone = await system.signUp();
  await register(system.sip, phone, { contact: '<sip:x@192.0.2.1:5060>' });
  await setTimeout(1_000); // Kamailio writes whole seconds
  await register(system.sip, phone, { contact: '<sip:x@192.0.2.2:5070>', expires: 3 });
  assert.deepEqual(await registered(phone), uriOf(phone, '192.0.2.2:5070'));
  await shows(phone, uriOf(phone, '192.0.2.1:5060'));
  await register(system.sip, phone, { contact: '*', expires: 0 });
  assert.equal(await registered(phone), 404);
});

test('registrations that are pushed are the same', async () => {
  await system.sip.kill();
  await system.sip.start('http');
  const phone = await system.signUp();
  const contact = `<sip:${phone.username}@192.0.2.1:5060;transport=UDP;rinstance=abc>`;
  await register(system.sip, phone, { contact });
  await shows(phone, uriOf(phone, '192.0.2.1:5060'));
  const [row] = await db().query<{ contact: string; received: string }>(
    'SELECT contact, received FROM registration',
  );
  assert.deepEqual(row, {
    contact: `sip:${phone.username}@192.0.2.1:5060;transport=UDP;rinstance=abc`,
    received: row?.received,
  });
  assert.match(String(row?.received), /^sip:127\.0\.0\.1:\d+$/);
  await register(system.sip, phone, { contact: '<sip:x@192.0.2.2:5070>', expires: 3 });
  await shows(phone, uriOf(phone, '192.0.2.2:5070'));
  await shows(phone, uriOf(phone, '192.0.2.1:5060'));
  await register(system.sip, phone, { contact, expires: 0 });
  await shows(phone, 404);
  await register(system.sip, phone, { contact });
  await system.killService();
  await register(system.sip, phone, { contact: '*', expires: 0 });
  await waitUntil(() => system.sip.log().includes('registrations not taken'));
  await system.startService();
  await shows(phone, 404);
  await system.sip.kill();
  await system.sip.start();
});

test('a wrong secret, one that was replaced, and the name of another account are refused', async () => {
  const [phone, other] = [await system.signUp(), await system.signUp()];
  const contact = '<sip:x@192.0.2.1:5060>';
  const wrong = await register(system.sip, { ...phone, secret: other.secret }, { contact });
  assert.match(wrong.output, /received 'SIP\/2\.0 401/);
  const stranger = await register(system.sip, phone, { contact, user: other.username });
  assert.match(stranger.output, /received 'SIP\/2\.0 403/);
  const tools = { keyring: system.service.keyring, realm: REALM };
  const renewed = await replaceSipSecret(
    db(),
    ACTOR,
    { sip: tools, queue: system.service.queue, now: new Date() },
    phone.username,
  );
  const old = await register(system.sip, phone, { contact });
  assert.match(old.output, /received 'SIP\/2\.0 401/);
  assert.equal((await register(system.sip, { ...phone, ...renewed }, { contact })).status, 0);
  await changeAccount(
    db(),
    ACTOR,
    { queue: system.service.queue, now: new Date() },
    phone.username,
    { enabled: false },
  );
  const disabled = await register(system.sip, { ...phone, ...renewed }, { contact });
  assert.match(disabled.output, /received 'SIP\/2\.0 401/);
});

test("Kamailio's role reads the HA1s of accounts, and nothing else of the service", async () => {
  const client = new pg.Client({ connectionString: system.kamailioUrl });
  await client.connect();
  const { rows } = await client.query('SELECT * FROM sip_subscriber LIMIT 1');
  assert.deepEqual(Object.keys(rows[0]), ['username', 'domain', 'ha1', 'account']);
  const numbers = await client.query('SELECT * FROM sip_number LIMIT 0');
  assert.deepEqual(
    numbers.fields.map(({ name }) => name),
    ['number', 'username', 'domain', 'account'],
  );
  const tables = await db().query<{ name: string }>(
    `SELECT schemaname || '.' || tablename AS name FROM pg_tables
     WHERE schemaname NOT IN ('kamailio', 'pg_catalog', 'information_schema')
     UNION SELECT 'public.switch_contact'`,
  );
  assert.ok(tables.length > 20);
  for (const { name } of tables) {
    await assert.rejects(client.query(`SELECT * FROM ${name}`), /permission denied/, name);
  }
  await assert.rejects(client.query("UPDATE sip_subscriber SET ha1 = 'x'"), /cannot update/);
  await assert.rejects(client.query('CREATE TABLE public.x ()'), /permission denied/);
  await client.end();
});

test('a call of some seconds is a row of cdr, and cash is down by its price', async () => {
  const phone = await customer('5');
  const fields = { number: NUMBER, name: 'Alice Example', from: '2125550100', seconds: 3 };
  const done = await call(system.sip, phone, 'call', fields);
  assert.equal(done.status, 0, done.output);
  const [row] = await callsOf(phone, 1);
  const cents = centsOf(row, 3, 10);
  const { dur, ba, ...others } = row.value;
  assert.deepEqual(others, {
    cid: '2125550100',
    dst: '2125550123',
    ip: '127.0.0.1',
    nr: '0.6',
    cn: 'Alice%20Example',
  });
  assert.equal(row.key[0], String(phone.username));
  assert.ok(Math.abs(Number(row.key[1]) - Date.now() / 1_000) < 15);
  assert.equal(await cashOf(phone), (500 - cents) / 100);
  assert.deepEqual(await holdsOf(phone), []);
});

test('escaped digits pass no block, and the trunk is told what was priced', async () => {
  const phone = await customer('5');
  const block = {
    prefixes: ['53'],
    account: phone.username,
    reason: 'fraud',
    emergencyNumbers: new Set<string>(),
  };
  await blockPrefixes(db(), ACTOR, block, new Date());
  await system.sip.setTrunk('answer');
  for (const number of [
    '%2B5312345678',
    '%2b%35%3312345678',
    '0%311%35312345678',
    '+0115312345678',
    '%252B5312345678',
    '53x12345678',
  ]) {
    const refused = await call(system.sip, phone, 'refused', { number });
    assert.equal(refused.status, 0, `${number}: ${refused.output}`);
  }
  assert.deepEqual(await system.sip.dialled(), []);
  assert.deepEqual(await holdsOf(phone), []);
  const number = '%31212-%355%35.0123';
  const done = await call(system.sip, phone, 'call', { number, seconds: 1 });
  assert.equal(done.status, 0, done.output);
  const [row] = await callsOf(phone, 1);
  centsOf(row, 1, 8);
  assert.equal(row.value.dst, '2125550123');
  const uris = new Set(await system.sip.dialled());
  assert.match([...uris].join(' '), /^sip:\+12125550123@127\.0\.0\.1:\d+$/);
});

test('no stranger reaches the trunk by an INVITE within a call that there is not', async () => {
  const phone = await customer('5');
  await system.sip.setTrunk('answer');
  await call(system.sip, phone, 'call', { seconds: 1 });
  const [uri = ''] = await system.sip.dialled();
  await system.sip.setTrunk('answer');
  const refused = await strangersCall(system.sip, '+5312345678', uri.replace(/^.*@/, ''));
  assert.equal(refused.status, 0, refused.output);
  assert.deepEqual(await system.sip.dialled(), []);
});

test('a call that its caller ends is ended at the trunk, whatever the BYE names', async () => {
  const phone = await customer('5');
  await system.sip.setTrunk('answer');
  await call(system.sip, phone, 'hidden', { seconds: 1 });
  await callsOf(phone, 1);
  await waitUntil(async () => (await system.sip.ended()) > 0);
});

test("a call of the carrier to a customer's number rings its phone and is paid by it", async () => {
  const owner = await customer('5');
  await hasNumber(owner, '8005550111');
  const hangUp = await answeringPhone(system.sip, owner);
  const calling = carrierCall(system.sip, { number: '%2B1800%3555-0111', seconds: 3 });
  await waitUntil(async () => (await holdsOf(owner)).length === 1);
  const done = await calling;
  assert.equal(done.status, 0, done.output);
  const [row] = await callsOf(owner, 1);
  const cents = centsOf(row, 3, 10);
  const { dur, ba, ...others } = row.value;
  assert.deepEqual(others, {
    cid: '2125550100',
    dst: '8005550111',
    ip: '127.0.0.2',
    nr: '0.6',
    cn: 'Alice',
  });
  assert.equal(await cashOf(owner), (500 - cents) / 100);
  assert.deepEqual(await holdsOf(owner), []);
  const stranger = await carrierCall(system.sip, { number: '8005550111', from: '127.0.0.1' });
  assert.match(stranger.output, /received 'SIP\/2\.0 407/, 'from elsewhere one says who one is');
  await hangUp();
});

test("a carrier's call to a North American number is that number, also where the feed is in Britain", async () => {
  const [name = ''] = system.credentials.split(':');
  const owner = await customer('5');
  await hasNumber(owner, '2075550111');
  await changeFeed(db(), ACTOR, { name, country: 'GB' }, new Date());
  await setTimeout(1_100); // the feed's settings are read again after a second
  const hangUp = await answeringPhone(system.sip, owner);
  const done = await carrierCall(system.sip, { number: '+12075550111', seconds: 1 });
  assert.equal(done.status, 0, done.output);
  const [row] = await callsOf(owner, 1);
  assert.equal(row.value.dst, '2075550111');
  await hangUp();
  await changeFeed(db(), ACTOR, { name, country: 'US' }, new Date());
  await setTimeout(1_100);
});

test('phones with the user of an earlier system register, call and are called', async () => {
  const { keyring, queue } = system.service;
  for (const uses of ['database', 'http'] as const) {
    await system.sip.kill();
    await system.sip.start(uses);
    const owner = await customer('5');
    const number = uses === 'http' ? '8005550117' : '8005550118';
    await hasNumber(owner, number);
    const at = { sip: { keyring, realm: REALM }, queue, now: new Date() };
    const kept = { user: `office.${uses}`, secret: 'of-the.old_system' };
    await replaceSipSecret(db(), ACTOR, at, owner.username, kept);
    const phone = { username: kept.user, secret: kept.secret };
    const hangUp = await answeringPhone(system.sip, phone);
    const incoming = await carrierCall(system.sip, { number, seconds: 1 });
    assert.equal(incoming.status, 0, incoming.output);
    await callsOf(owner, 1);
    const outgoing = await call(system.sip, phone, 'call', { seconds: 1 });
    assert.equal(outgoing.status, 0, outgoing.output);
    const rows = await callsOf(owner, 2);
    assert.deepEqual(rows.map(({ value: { dst } }) => dst).sort(), ['2125550123', number]);
    const shown = await registered(owner);
    assert.ok(typeof shown === 'object' && shown.uri.startsWith(`sip:${kept.user}@127.0.0.1:`));
    const named = { username: owner.username, secret: kept.secret };
    const refused = await register(system.sip, named, { contact: '<sip:x@192.0.2.1:5060>' });
    assert.match(refused.output, /received 'SIP\/2\.0 401/);
    await hangUp();
  }
  await system.sip.kill();
  await system.sip.start();
});

test('a call of the carrier that no phone can take is refused, and leaves nothing', async () => {
  const owner = await customer('0.04');
  const ask = async (number: string) => (await carrierCall(system.sip, { number })).output;
  assert.match(await ask('18005550112'), /received 'SIP\/2\.0 404/, 'a number of nobody');
  await hasNumber(owner, '8005550112');
  assert.match(await ask('18005550112'), /received 'SIP\/2\.0 480/, 'no phone');
  const hangUp = await answeringPhone(system.sip, owner);
  const cut = await carrierCall(system.sip, { number: '8005550112', seconds: 30 });
  assert.match(cut.output, /unexpected BYE/, 'ended when the money is used up');
  await callsOf(owner, 1);
  // A call is cut a second early rather than late, so the last second may be left.
  await post(db(), owner.username, '-0.04');
  assert.match(await ask('8005550112'), /received 'SIP\/2\.0 480/, 'no money');
  assert.deepEqual(await holdsOf(owner), []);
  await removeNumber(db(), ACTOR, { account: owner.username, number: '8005550112' }, new Date());
  assert.match(await ask('8005550112'), /received 'SIP\/2\.0 404/, 'given back');
  await hangUp();
});

test('a record that the service was not there to take comes once it is back', async () => {
  const phone = await customer('5');
  const calling = call(system.sip, phone, 'call', { number: '12125550126', seconds: 2 });
  await waitUntil(async () => (await system.sip.dialled()).join(' ').includes('2125550126'));
  await system.killService();
  const done = await calling;
  assert.equal(done.status, 0, done.output);
  await waitUntil(() => system.sip.log().includes('call records not taken'));
  const away = await call(system.sip, phone, 'refused');
  assert.match(away.output, /received 'SIP\/2\.0 503/);
  await system.startService();
  const [row] = await callsOf(phone, 1);
  assert.equal(await cashOf(phone), (500 - centsOf(row, 2, 12)) / 100);
});

test('calls that go on outlive a crash of Kamailio', async () => {
  const phone = await customer('5');
  const calling = call(system.sip, phone, 'call', { seconds: 6 });
  await waitUntil(async () => (await holdsOf(phone)).length === 1);
  await setTimeout(2_000);
  await system.sip.kill();
  await system.sip.start();
  const done = await calling;
  assert.equal(done.status, 0, done.output);
  const [row] = await callsOf(phone, 1);
  centsOf(row, 6, 14);
});

test('after a crash of Kamailio its contacts end when they expire', async () => {
  const phone = await system.signUp();
  await register(system.sip, phone, { contact: '<sip:x@192.0.2.1:5060>', expires: 4 });
  assert.equal(typeof (await registered(phone)), 'object');
  await system.sip.kill();
  await waitUntil(async () => (await registered(phone)) === 404, 10_000);
  await system.sip.start();
});

test('the books balance after all of it', async () => {
  assert.deepEqual((await reconcile(db())).imbalances, []);
});
