import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { changeAccount } from '../../src/domain/account/account.ts';
import { addNumber } from '../../src/domain/billing/recurring-charge.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import type { Feed } from '../../src/domain/calls/feed.ts';
import { plainNumber } from '../../src/domain/phone-number.ts';
import { answeringPhone, call, carrierCall, register, type SipServer } from '../kamailio/switch.ts';
import { post } from '../support/calls.ts';
import { freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait.ts';
import { type Customer, type RunningService, startRunningService } from './service.ts';
import { answered, UserAgent } from './user-agent.ts';

export const ACTOR = { who: 'operator test', from: 'test' };
const AGENT = 'Zoiper rv2.8.97/';

/** A running switch with a trunk. */
export interface StorySwitch extends SipServer {
  /** the request URIs of the INVITEs at the trunk */
  dialled: () => Promise<string[]>;
  /** whether a record of a call to this number waits to be delivered */
  waits: (number: string) => Promise<boolean>;
  stop: () => Promise<void>;
}

/** The parts of the story for tests of a single switch. */
export interface Story<Switch extends StorySwitch> {
  sip: () => Switch;
  service: () => RunningService['service'];
  customer: (cash: string) => Promise<Customer>;
  callsOf: (customer: Customer, count: number) => Promise<[Row, ...Row[]]>;
  centsOf: (row: Row, least: number, most: number) => number;
  cashOf: (customer: Customer) => Promise<number>;
  holdsOf: (customer: Customer) => Promise<object[]>;
}

export interface Row {
  key: [string, string];
  value: Record<'cid' | 'dst' | 'ip' | 'dur' | 'nr' | 'ba' | 'cn', string>;
}

/**
 * The tests that every switch must pass, from the sign-up to the bill; the service uses its
 * embedded database.
 * @param holdSeconds length of a hold, more than 10
 */
export function tellStory<Switch extends StorySwitch>(
  format: Feed['format'],
  holdSeconds: number,
  startSwitch: (running: RunningService) => Promise<Switch>,
): Story<Switch> {
  let running: RunningService;
  let sip: Switch;
  // This call lasts longer than the rest of the story, and runs at the same time.
  const longSeconds = holdSeconds + 5;
  let longCall: { phone: Customer; done: ReturnType<typeof call> };
  before(async () => {
    running = await startRunningService(format, { HOLD_SECONDS: String(holdSeconds) });
    sip = await startSwitch(running);
    const phone = await customer('5');
    const fields = { number: '12125550127', seconds: longSeconds };
    longCall = { phone, done: call(sip, phone, 'call', fields) };
  });
  after(async () => {
    await sip?.stop();
    await running?.stop();
  });

  const db = () => running.service.db;

  /** A customer with some cash, billed a cent per second. */
  async function customer(cash: string): Promise<Customer> {
    const created = await running.signUp();
    const terms = { rate: '0.6', minimumSeconds: 1, incrementSeconds: 1 };
    await changeAccount(
      db(),
      ACTOR,
      { queue: running.service.queue, now: new Date() },
      created.username,
      terms,
    );
    await post(db(), created.username, cash);
    return created;
  }

  /** Waits until the customer has this many calls. @returns them, newest first */
  async function callsOf({ apikey }: Customer, count: number): Promise<[Row, ...Row[]]> {
    let rows: Row[] = [];
    await waitUntil(async () => {
      rows = (await running.ask('cdr', apikey)).body.cdr;
      return rows.length >= count;
    });
    assert.equal(rows.length, count);
    return rows as [Row, ...Row[]];
  }

  /** Asserts the price of a call. @returns the cents */
  function centsOf({ value: { dur, ba } }: Row, least: number, most: number): number {
    const seconds = Number(dur);
    assert.ok(seconds >= least && seconds <= most, `${dur} s, not ${least} to ${most}`);
    assert.equal(ba, (seconds / 100).toFixed(6));
    return seconds;
  }

  const cashOf = async ({ apikey }: Customer) =>
    (await running.ask('info', apikey)).body.account[0].cash as number;

  const holdsOf = ({ username }: Customer) =>
    db().query('SELECT call_id FROM hold WHERE account = $1', [username]);

  async function registered({
    apikey,
  }: Customer): Promise<{ uri: string; agent: string } | number> {
    const { status, body } = await running.ask('registration', apikey);
    return status === 200 ? body.account : status;
  }

  test('a customer who signed up registers with the SIP secret, and unregisters', async () => {
    const [phone, disabled] = [await running.signUp(), await running.signUp()];
    const port = await freePort('udp');
    const contact = `<sip:${phone.username}@127.0.0.1:${port};transport=UDP;rinstance=abc>`;
    const wrong = await register(sip, { ...phone, secret: 'x' }, { contact, port });
    assert.match(wrong.output, /received 'SIP\/2\.0 401/);
    assert.equal(await registered(phone), 404);
    const first = await register(sip, phone, { contact, port });
    assert.equal(first.status, 0, first.output);
    // Some switches report a registration shortly after their answer.
    await waitUntil(async () => (await registered(phone)) !== 404);
    const shown = { uri: `sip:${phone.username}@127.0.0.1:${port}`, agent: AGENT };
    assert.deepEqual(await registered(phone), shown);
    const last = await register(sip, phone, { contact, port, expires: 0 });
    assert.equal(last.status, 0, last.output);
    await waitUntil(async () => (await registered(phone)) === 404);
    const off = { enabled: false };
    await changeAccount(
      db(),
      ACTOR,
      { queue: running.service.queue, now: new Date() },
      disabled.username,
      off,
    );
    const refused = await register(sip, disabled, { contact, port });
    assert.match(refused.output, /received 'SIP\/2\.0 40[134]/);
  });

  test('a call of some seconds is a row of cdr, and cash is down by its price', async () => {
    const phone = await customer('5');
    const fields = { number: '12125550123', name: 'Alice Example', seconds: 3 };
    const done = await call(sip, phone, 'call', fields);
    assert.equal(done.status, 0, done.output);
    const [row] = await callsOf(phone, 1);
    const cents = centsOf(row, 3, 10);
    const { dur, ba, ...others } = row.value;
    assert.deepEqual(others, {
      cid: plainNumber(String(phone.username)),
      dst: '2125550123',
      ip: '127.0.0.1',
      nr: '0.6',
      cn: 'Alice%20Example',
    });
    assert.equal(await cashOf(phone), (500 - cents) / 100);
    assert.deepEqual(await holdsOf(phone), []);
    const dialled = (await sip.dialled()).filter((uri) => uri.includes('2125550123'));
    assert.match(dialled.join(' '), /^sip:\+12125550123@127\.0\.0\.1:\d+$/);
  });

  test('a call that is busy costs nothing, is one record, and holds nothing', async () => {
    const phone = await customer('5');
    const busy = await call(sip, phone, 'refused', { number: '12125550486' });
    assert.equal(busy.status, 0, busy.output);
    const [row] = await callsOf(phone, 1);
    assert.deepEqual([row.value.dst, row.value.dur, row.value.ba], ['2125550486', '0', '0.000000']);
    const [{ outcome } = {}] = await db().query<{ outcome: string | null }>(
      'SELECT outcome FROM call WHERE account = $1',
      [phone.username],
    );
    assert.equal(outcome, 'busy');
    assert.deepEqual(await holdsOf(phone), []);
    assert.equal(await cashOf(phone), 5);
  });

  test('a call without money is answered 402, and one with some is ended when that is used up', async () => {
    const phone = await customer('0.005');
    const refused = await call(sip, phone, 'refused');
    assert.equal(refused.status, 0, refused.output);
    assert.deepEqual(await holdsOf(phone), []);
    await post(db(), phone.username, '0.045');
    const cut = await call(sip, phone, 'cut');
    assert.equal(cut.status, 0, cut.output);
    const [row] = await callsOf(phone, 1);
    assert.equal(await cashOf(phone), (5 - centsOf(row, 3, 6)) / 100);
  });

  test('what strangers and callers write changes neither who pays, nor the price, nor what is dialled', async () => {
    const [phone, other] = [await customer('5'), await customer('5')];
    const number = { account: phone.username, number: '8005550131', monthly: '0' };
    await addNumber(db(), ACTOR, number, new Date());
    const agent = await UserAgent.open(sip, phone);
    const carrier = await UserAgent.open(sip, undefined, '127.0.0.2');
    await agent.register();
    const forged = `"account":"${other.username}"`;
    // Asterisk cuts a long name after 79 bytes, within a character.
    const names = [
      `%22,%22account%22:%22${other.username}`,
      'x\\"y\\\\',
      `a${'é'.repeat(60)}`,
      '\xff',
    ];
    const bytes = (name: string) => (name === '\xff' ? name : Buffer.from(name).toString('latin1'));
    const callIds = ['%22', forged, 'c'.repeat(92), `${other.username}@sip.example.com`];
    for (const [n, name] of names.entries()) {
      const options = { name: bytes(name), callId: `${callIds[n]}${phone.username}` };
      const own = await answered(agent.call('%31212555%30124', options));
      const [, incoming] = await Promise.all([
        agent.called(),
        answered(carrier.call('%2B1800%3555-0131', { ...options, callId: `in${options.callId}` })),
      ]);
      await sleep(1_100);
      await agent.hangUp(own);
      await carrier.hangUp(incoming);
    }
    for (const dialled of [`%312125550123%22,%22account%22:%22${other.username}`, '212555x0124']) {
      assert.equal(await agent.call(dialled), 402, dialled);
    }
    const rows = await callsOf(phone, 2 * names.length);
    const cents = rows.reduce((sum, row) => sum + centsOf(row, 1, 8), 0);
    const called = rows.map(({ value }) => value.dst).sort();
    assert.deepEqual(called, [...names.map(() => '2125550124'), ...names.map(() => '8005550131')]);
    assert.equal(await cashOf(phone), (500 - cents) / 100);
    assert.deepEqual(await holdsOf(phone), []);
    assert.equal(await cashOf(other), 5);
    const uris = (await sip.dialled()).filter((uri) => uri.includes('0124'));
    for (const uri of uris) assert.match(uri, /^sip:\+12125550124@127\.0\.0\.1:\d+$/);
    for (const one of [agent, carrier]) one.close();
  });

  test("a call of the carrier to a customer's number rings its phone and is paid by it", async () => {
    const owner = await customer('5');
    const ask = async (number: string) => (await carrierCall(sip, { number })).output;
    assert.match(await ask('18005550112'), /received 'SIP\/2\.0 404/, 'a number of nobody');
    const number = { account: owner.username, number: '8005550111', monthly: '1' };
    await addNumber(db(), ACTOR, number, new Date());
    const cash = await cashOf(owner);
    assert.match(await ask('18005550111'), /received 'SIP\/2\.0 480/, 'no phone');
    const hangUp = await answeringPhone(sip, owner);
    const done = await carrierCall(sip, { number: '+18005550111', seconds: 3 });
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
    assert.equal(await cashOf(owner), (Math.round(cash * 100) - cents) / 100);
    assert.deepEqual(await holdsOf(owner), []);
    await hangUp();
  });

  test('a call with money for it goes on after the time that was allowed at first', async () => {
    const { phone, done } = longCall;
    const { status, output } = await done;
    assert.equal(status, 0, output);
    const [row] = await callsOf(phone, 1);
    centsOf(row, longSeconds, longSeconds + 8);
    assert.deepEqual(await holdsOf(phone), []);
  });

  test('a record that the service was not there to take comes once it is back', async () => {
    const phone = await customer('5');
    const calling = call(sip, phone, 'call', { number: '12125550126', seconds: 3 });
    await waitUntil(async () => (await sip.dialled()).join(' ').includes('2125550126'));
    await running.kill();
    const done = await calling;
    assert.equal(done.status, 0, done.output);
    await waitUntil(() => sip.waits('2125550126'));
    await running.start();
    const [row] = await callsOf(phone, 1);
    assert.equal(await cashOf(phone), (500 - centsOf(row, 3, 12)) / 100);
  });

  test('an emergency call goes out without money, and while the service is away', async () => {
    const phone = await customer('0.000001');
    const there = await call(sip, phone, 'call', { number: '112', seconds: 1 });
    assert.equal(there.status, 0, there.output);
    await callsOf(phone, 1);
    await running.kill();
    // Asterisk itself does not know the phones, so it sends no challenge.
    const number = { number: '911', seconds: 1 };
    const away = await (sip.challenge === 407
      ? call(sip, phone, 'call', number)
      : carrierCall(sip, { ...number, from: '127.0.0.1', caller: String(phone.username) }));
    assert.equal(away.status, 0, away.output);
    await waitUntil(() => sip.waits('911'));
    await running.start();
    const rows = await callsOf(phone, 2);
    assert.deepEqual(
      rows.map(({ value: { dst, nr, ba } }) => [dst, nr, ba]),
      [
        ['911', '0', '0.000000'],
        ['112', '0', '0.000000'],
      ],
    );
    assert.match((await sip.dialled()).join(' '), /sip:112@\S+ sip:911@/);
  });

  test('the books balance after all of it, and nothing was rejected', async () => {
    assert.deepEqual((await reconcile(db())).imbalances, []);
    assert.deepEqual(await db().query('SELECT reason, detail FROM rejected_record'), []);
  });

  return {
    sip: () => sip,
    service: () => running.service,
    customer,
    callsOf,
    centsOf,
    cashOf,
    holdsOf,
  };
}
