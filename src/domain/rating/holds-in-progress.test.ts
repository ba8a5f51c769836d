import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, moneyOf, reportedCall } from '../../../test/support/calls.ts';
import { fc } from '../../../test/support/properties.ts';
import { sharedService } from '../../../test/support/service.ts';
import { reconcile } from '../books/proof.ts';
import { storeCalls } from '../calls/call.ts';
import { type AuthorizeCall, gatherAuthorizations } from './authorization.ts';
import { expireHolds, gatherReleases, type ReleaseHold } from './hold.ts';

const START_MS = Date.UTC(2026, 2, 1, 12);
// The second number costs twice the account's own rate.
const NUMBERS = ['2125550123', '442055501234'];
const RECORD_DELAY_MS = 300_000;

let authorize: AuthorizeCall;
let release: ReleaseHold;
const api = sharedService({}, async () => {
  await api.service.db.query('DELETE FROM pgboss.schedule');
  await api.service.db.query(
    "INSERT INTO price_list (name, created_at, changed_at) VALUES ('default', now(), now())",
  );
  await api.service.db.query(
    `INSERT INTO price (list, prefix, rate, minimum_seconds, increment_seconds)
     VALUES ('default', '44', 0.12, 12, 12)`,
  );
  authorize = gatherAuthorizations(api.service.db, {
    holdSeconds: 60,
    verifiedOnly: false,
    freeCalls: true,
  });
  release = gatherReleases(api.service.db);
});

/** A switch's action on one of its calls; an impossible action is skipped. */
const step = fc.record({
  call: fc.integer({ min: 0, max: 2 }),
  does: fc.constantFrom(
    'ask' as const,
    'ask' as const,
    'ask' as const,
    'end' as const,
    'release' as const,
  ),
  number: fc.constantFrom(0, 1),
});

/** Concurrent steps, and the time since the previous round. */
const round = fc.record({
  ms: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 30_000 }) },
    { weight: 1, arbitrary: fc.constant(400_000) },
  ),
  steps: fc.uniqueArray(step, { minLength: 1, maxLength: 3, selector: ({ call }) => call }),
  expires: fc.boolean(),
});

const play = fc.record({
  cash: fc.integer({ min: 1, max: 150 }).map((thousandths) => (thousandths / 1_000).toFixed(3)),
  minimum: fc.constantFrom(0, 6, 30),
  increment: fc.constantFrom(1, 6, 7, 60),
  rounds: fc.array(round, { minLength: 4, maxLength: 8 }),
});

interface Leg {
  called: string;
  fromMs: number;
}

/** The worst case of a call: it talks from its first grant until its switch cuts it. */
interface Call {
  id: string;
  account: number;
  legs: Leg[];
  untilMs: number;
}

let runs = 0;

async function playOut({
  cash,
  minimum,
  increment,
  rounds,
}: typeof play extends fc.Arbitrary<infer T> ? T : never) {
  const { db } = api.service;
  const terms = { rate: '0.06', minimum, increment };
  const payer = await addCustomer(api, { ...terms, cash });
  const accounts = [payer, await addCustomer(api, { ...terms, master: payer })];
  const calls = new Map<number, Call>();
  let nowMs = START_MS;
  runs++;

  const ask = async (n: number, called: string) => {
    const known = calls.get(n);
    // A call that was cut is over.
    if (known && known.untilMs <= nowMs) return;
    const call = known ?? {
      id: `${runs}-${n}-${nowMs}`,
      account: accounts[n % 2] as number,
      legs: [],
      untilMs: 0,
    };
    const question = { account: call.account, called, callId: call.id, now: new Date(nowMs) };
    const answer = await authorize(question).catch(() => undefined);
    if (!answer) return;
    if (call.legs.at(-1)?.called !== called) call.legs.push({ called, fromMs: nowMs });
    call.untilMs = nowMs + answer.maxSeconds * 1_000;
    calls.set(n, call);
  };
  const end = async (n: number) => {
    const call = calls.get(n);
    if (!call) return;
    calls.delete(n);
    // No record is sent after the time that the hold waits for it.
    if (nowMs >= call.untilMs + RECORD_DELAY_MS) return;
    const endMs = Math.min(nowMs, call.untilMs);
    const records = call.legs.map(({ called, fromMs }, leg) => {
      const talkMs = Math.max(0, (call.legs[leg + 1]?.fromMs ?? endMs) - fromMs);
      const startedAt = new Date(fromMs);
      const { account, id: callId } = call;
      return reportedCall({ account, callId, called, startedAt, talkMicroseconds: talkMs * 1_000 });
    });
    await storeCalls(db, 'pbx1', records, new Date(nowMs));
  };

  const prove = async () => {
    const { imbalances } = await reconcile(db, { account: payer });
    assert.deepEqual(imbalances, []);
    const money = await moneyOf(db, payer);
    assert.ok(Number(money?.cash) >= 0, `cash ${money?.cash}`);
  };

  for (const { ms, steps, expires } of rounds) {
    nowMs += ms;
    const work = steps.map(({ call, does, number }) => {
      if (does === 'end') return end(call);
      if (does === 'ask') return ask(call, NUMBERS[number] as string);
      // Only an unanswered call is released.
      const known = calls.get(call);
      if (!known || known.legs[0]?.fromMs !== nowMs - ms) return undefined;
      calls.delete(call);
      return release({ account: known.account, callId: known.id });
    });
    await Promise.all([...work, expires ? expireHolds(db, new Date(nowMs)) : undefined]);
    await prove();
  }
  // Each call in progress is cut at its limit.
  nowMs = Math.max(nowMs, ...[...calls.values()].map(({ untilMs }) => untilMs));
  for (const n of calls.keys()) await end(n);
  await prove();
}

test('whatever is asked, extended, transferred, recorded, released and expired, cash lasts and sums hold', async () => {
  await fc.assert(fc.asyncProperty(play, playOut), { numRuns: 30, endOnFailure: true });
});
