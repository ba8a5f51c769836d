import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addNumber } from '../../src/domain/billing/recurring-charge.ts';
import { startSwitch } from '../kamailio/switch.ts';
import { ingestUrl } from '../kamailio/system.ts';
import { waitUntil } from '../support/wait.ts';
import { ACTOR, tellStory } from './story.ts';
import { answered, UserAgent } from './user-agent.ts';

// Kamailio extends a call after half of the granted time, if that time is 10 seconds or more.
const HOLD_SECONDS = 12;

const { sip, service, customer, callsOf, centsOf, cashOf, holdsOf } = tellStory(
  'kamailio',
  HOLD_SECONDS,
  async (running) => {
    const sip = await startSwitch({ ingest: ingestUrl(running) });
    return { ...sip, waits: async () => sip.log().includes('call records not taken') };
  },
);

/** A customer with a number and a phone; the carrier has called it. */
async function calledCustomer(cash: string, number: string) {
  const owner = await customer(cash);
  const held = { account: owner.username, number, monthly: '0' };
  await addNumber(service().db, ACTOR, held, new Date());
  const phone = await UserAgent.open(sip(), owner);
  const carrier = await UserAgent.open(sip(), undefined, '127.0.0.2');
  await phone.register();
  const [inner, outer] = await Promise.all([phone.called(), answered(carrier.call(`1${number}`))]);
  await sleep(1_100);
  return { owner, phone, carrier, inner, outer };
}

test('a phone that follows a transfer makes a call of its own, which it pays for and which is cut', async () => {
  const { owner, phone, carrier, outer } = await calledCustomer('0.1', '8005550141');
  assert.equal(await carrier.refer(outer, '12125550777'), 202);
  assert.match(String(phone.referred), /sip:12125550777@/);
  await carrier.hangUp(outer);
  await callsOf(owner, 1);
  const own = await answered(phone.call('12125550777'));
  await waitUntil(() => own.ended, 15_000);
  const rows = await callsOf(owner, 2);
  assert.deepEqual(rows.map(({ value }) => value.dst).sort(), ['2125550777', '8005550141']);
  const cents = rows.reduce((sum, row) => sum + centsOf(row, 1, 10), 0);
  assert.equal(await cashOf(owner), (10 - cents) / 100);
  assert.ok(cents >= 8 && cents <= 11, `${cents}`);
  assert.deepEqual(await holdsOf(owner), []);
  for (const one of [phone, carrier]) one.close();
});

test('a phone that transfers pays for its own calls until they end, blind and attended', async () => {
  const { owner, phone, carrier, inner, outer } = await calledCustomer('5', '8005550142');
  assert.equal(await phone.refer(inner, '12125550777'), 202);
  const own = await answered(phone.call('12125550888'));
  assert.equal(await phone.refer(inner, '12125550888', own), 202);
  const [blind, attended] = carrier.referred;
  assert.match(String(blind), /sip:12125550777@[^?]*>/);
  assert.match(String(attended), new RegExp(`Replaces=${own.callId}%3B`));
  await sleep(1_100);
  // The carrier executes the transfer on its side, and ends the transferred call.
  await carrier.hangUp(outer);
  await phone.hangUp(own);
  const rows = await callsOf(owner, 2);
  assert.deepEqual(rows.map(({ value }) => value.dst).sort(), ['2125550888', '8005550142']);
  const cents = rows.reduce((sum, row) => sum + centsOf(row, 1, 10), 0);
  assert.equal(await cashOf(owner), (500 - cents) / 100);
  assert.deepEqual(await holdsOf(owner), []);
  for (const one of [phone, carrier]) one.close();
});

test('a call that takes the place of another one is asked for and paid as any other', async () => {
  const { owner, phone, carrier, outer } = await calledCustomer('5', '8005550143');
  const replaces = `${outer.callId};to-tag=${outer.remoteTag};from-tag=${outer.localTag}`;
  const own = await answered(phone.call('12125550999', { replaces }));
  assert.equal((await holdsOf(owner)).length, 2);
  await sleep(1_100);
  await phone.hangUp(own);
  await carrier.hangUp(outer);
  const rows = await callsOf(owner, 2);
  const cents = rows.reduce((sum, row) => sum + centsOf(row, 1, 10), 0);
  assert.equal(await cashOf(owner), (500 - cents) / 100);
  for (const one of [phone, carrier]) one.close();
});
