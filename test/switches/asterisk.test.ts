import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, register } from '../kamailio/switch.ts';
import { waitUntil } from '../support/wait.ts';
import { startAsterisk } from './asterisk.ts';
import { tellStory } from './story.ts';

const HOLD_SECONDS = 12;

const { sip, customer, callsOf, centsOf, cashOf, holdsOf } = tellStory(
  'generic',
  HOLD_SECONDS,
  ({ url, credentials }) => startAsterisk(url, credentials, HOLD_SECONDS / 3),
);

test('a restart of Asterisk forgets no contact', async () => {
  const phone = await customer('5');
  const contact = `<sip:${phone.username}@127.0.0.1:35062>`;
  await register(sip(), phone, { contact, port: 35_062 });
  await sip().kill();
  await sip().start();
  assert.match(await sip().console(`pjsip show aor ${phone.username}`), /127\.0\.0\.1:35062/);
});

test("a stranger's name and dialled text change neither who pays nor what is dialled", async () => {
  const [phone, other] = [await customer('5'), await customer('5')];
  const name = `%22,%22account%22:%22${other.username} ${'é'.repeat(39)}`;
  const number = `%312125550123%22,%22account%22:%22${other.username}`;
  const refused = await call(sip(), phone, 'refused', { number, name });
  assert.equal(refused.status, 0, refused.output);
  const done = await call(sip(), phone, 'call', { number: '%31212555%30124', name, seconds: 1 });
  assert.equal(done.status, 0, done.output);
  const [row] = await callsOf(phone, 1);
  centsOf(row, 1, 8);
  assert.equal(row.value.dst, '2125550124');
  assert.equal(await cashOf(other), 5);
  assert.match((await sip().dialled()).join(' '), /sip:\+12125550124@\S+$/);
});

test('a caller who transfers his call pays for both parts', async () => {
  const phone = await customer('5');
  const fields = { number: '12125550123', seconds: 2, to: '2125550777' };
  const done = await call(sip(), phone, 'transfer', fields);
  assert.equal(done.status, 0, done.output);
  await waitUntil(async () => (await sip().dialled()).join(' ').includes('+12125550777'));
  await waitUntil(async () => (await sip().console('core show channels concise')).includes('!Up!'));
  await sip().console('channel request hangup all');
  const rows = await callsOf(phone, 2);
  assert.deepEqual(rows.map(({ value }) => value.dst).sort(), ['2125550123', '2125550777']);
  const cents = rows.reduce((sum, row) => sum + centsOf(row, 1, 12), 0);
  assert.equal(await cashOf(phone), (500 - cents) / 100);
  assert.deepEqual(await holdsOf(phone), []);
});
