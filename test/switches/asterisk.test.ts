import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addNumber } from '../../src/domain/billing/recurring-charge.ts';
import { register } from '../kamailio/switch.ts';
import { freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait.ts';
import { startAsterisk } from './asterisk.ts';
import type { Customer } from './service.ts';
import { ACTOR, tellStory } from './story.ts';
import { answered, UserAgent } from './user-agent.ts';

const HOLD_SECONDS = 12;

const { sip, service, customer, callsOf, centsOf, cashOf, holdsOf } = tellStory(
  'generic',
  HOLD_SECONDS,
  ({ url, credentials }) => startAsterisk(url, credentials, HOLD_SECONDS / 3),
);

test('a restart of Asterisk forgets no contact', async () => {
  const phone = await customer('5');
  const port = await freePort('udp');
  const contact = `<sip:${phone.username}@127.0.0.1:${port}>`;
  await register(sip(), phone, { contact, port });
  await sip().kill();
  await sip().start();
  assert.match(
    await sip().console(`pjsip show aor ${phone.username}`),
    new RegExp(`127\\.0\\.0\\.1:${port}\\b`),
  );
});

/** The paid calls of an account, oldest first: number and seconds. */
async function paidFor(account: Customer, count: number): Promise<[string, number][]> {
  const rows = await callsOf(account, count);
  assert.deepEqual(await holdsOf(account), []);
  assert.equal(new Set(rows.map(({ value }) => value.nr)).size, 1);
  return rows
    .reverse()
    .map((row): [string, number] => [row.value.dst, centsOf(row, 1, 3 * HOLD_SECONDS)]);
}

const channels = () => sip().console('core show channels concise');

/** Two seconds of talk. */
const talk = () => sleep(2_000);

test('a caller who transfers his call pays for all legs, which go on while there is money', async () => {
  const phone = await customer('5');
  const agent = await UserAgent.open(sip(), phone);
  const call = await answered(agent.call('12125550123'));
  await talk();
  assert.equal(await agent.refer(call, '12125550777'), 202);
  await waitUntil(async () => (await sip().dialled()).join(' ').includes('+12125550777'));
  await agent.hangUp(call);
  await talk();
  await sip().console('channel request hangup all');
  const legs = await paidFor(phone, 3);
  assert.deepEqual(legs.map(([number]) => number).sort(), [
    '2125550123',
    '2125550123',
    '2125550777',
  ]);
  assert.equal(await cashOf(phone), (500 - sumOf(legs)) / 100);
  agent.close();
});

test('an attended transfer costs its caller both legs, which are held, extended and cut', async () => {
  // From 0.60, two calls of 12 seconds each are held at first.
  const phone = await customer('0.6');
  const agent = await UserAgent.open(sip(), phone);
  const first = await answered(agent.call('12125550123'));
  const second = await answered(agent.call('12125550124'));
  await talk();
  assert.equal(await agent.refer(first, '12125550124', second), 202);
  await waitUntil(() => second.ended);
  await agent.hangUp(first);
  await waitUntil(async () => (await holdsOf(phone)).length === 2);
  // About 26 seconds per leg are left: more than HOLD_SECONDS.
  await waitUntil(async () => !(await channels()).includes('!Up!'), 40_000);
  const legs = await paidFor(phone, 4);
  assert.deepEqual(legs.map(([number]) => number).sort(), [
    '2125550123',
    '2125550123',
    '2125550124',
    '2125550124',
  ]);
  const left = legs.map(([, seconds]) => seconds).sort((a, b) => a - b);
  assert.ok((left[2] as number) > HOLD_SECONDS, `${left}`);
  const cash = await cashOf(phone);
  assert.equal(cash, (60 - sumOf(legs)) / 100);
  assert.ok(cash >= -0.02, `${cash}`);
  agent.close();
});

test('a called customer who transfers pays for what he makes, the carrier can transfer nothing', async () => {
  const owner = await customer('5');
  const number = { account: owner.username, number: '8005550121', monthly: '0' };
  await addNumber(service().db, ACTOR, number, new Date());
  const agent = await UserAgent.open(sip(), owner);
  await agent.register();
  const carrier = await UserAgent.open(sip(), undefined, '127.0.0.2');
  const incoming = async () => {
    const [inner, outer] = await Promise.all([
      agent.called(),
      answered(carrier.call('18005550121')),
    ]);
    await talk();
    return { inner, outer };
  };
  const refused = await incoming();
  assert.equal(await carrier.refer(refused.outer, '12125550999'), 603);
  assert.equal(await agent.refer(refused.inner, '12125550777'), 202);
  await waitUntil(async () => (await sip().dialled()).join(' ').includes('+12125550777'));
  await talk();
  await carrier.hangUp(refused.outer);
  assert.deepEqual(
    (await paidFor(owner, 2)).map(([dst]) => dst),
    ['8005550121', '2125550777'],
  );
  const joined = await incoming();
  const own = await answered(agent.call('12125550888'));
  await talk();
  assert.equal(await agent.refer(joined.inner, '12125550888', own), 202);
  await waitUntil(() => own.ended);
  await talk();
  await carrier.hangUp(joined.outer);
  const legs = await paidFor(owner, 6);
  assert.deepEqual(
    legs
      .slice(2)
      .map(([dst]) => dst)
      .sort(),
    ['2125550888', '2125550888', '8005550121', '8005550121'],
  );
  assert.equal(await cashOf(owner), (500 - sumOf(legs)) / 100);
  for (const one of [agent, carrier]) one.close();
});

const sumOf = (legs: [string, number][]) => legs.reduce((sum, [, seconds]) => sum + seconds, 0);
