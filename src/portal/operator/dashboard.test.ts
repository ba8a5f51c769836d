import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { sameHours } from '../../domain/calls/call-hour.ts';

let operator: Visitor;
const api = sharedService({}, async () => {
  const { username, password } = await api.administrator();
  operator = await Visitor.signedIn(api.url, { username, password });
});

/** The text of the part that comes first on the dashboard. */
async function first(): Promise<string> {
  const { body } = await operator.open('/admin');
  const [, text = ''] = /<\/h1><\/div>\s*([\s\S]*?)<dl class="stats">/.exec(body) ?? [];
  return text
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

test('the dashboard begins with what somebody must look at, and is quiet without it', async () => {
  const { db } = api.service;
  assert.equal(
    await first(),
    'Everything is in order No record was rejected, and every mail was delivered.',
  );
  const { username } = await api.signUp();
  await db.query('UPDATE balance SET suspended = true WHERE account = $1', [username]);
  await db.query(
    `INSERT INTO feed (name, format, secret_digest, created_at, last_seen_at)
     VALUES ('quiet', 'generic', 'x', now(), now() - interval '3 hours'),
       ('busy', 'generic', 'x', now(), now()), ('new', 'generic', 'x', now(), NULL)`,
  );
  await db.query(
    `INSERT INTO rejected_record (feed, format, reason, detail, raw, digest, received_at)
     SELECT 'busy', 'generic', 'unknown account', 'none', 'x', sha256(n::text::bytea),
       now() - n * interval '1 day' FROM generate_series(1, 4) n`,
  );
  await db.query(
    `INSERT INTO call_hour (hour, calls, answered, billed_seconds, amount)
     VALUES (date_trunc('hour', now()) - interval '2 days', 8, 8, 80, 20)`,
  );
  assert.equal(
    await first(),
    '$10.00 wait in 4 rejected records At the average cost of a call. The oldest record has waited ' +
      'for 4 days. 1 feed is silent Nothing came for more than an hour: \u2068quiet\u2069 (3 hours). ' +
      '1 account is suspended The balance is used up, so calls are refused.',
  );
});

test('today is compared with the same hours a week ago, also if the clocks changed since', async () => {
  const { db } = api.service;
  await db.query(
    `INSERT INTO call_hour (hour, calls, answered, billed_seconds, amount)
     SELECT h, 1, 1, 1, 0.5 FROM generate_series('2030-10-19T00:00Z'::timestamptz,
       '2030-10-29T00:00Z', interval '1 hour') h`,
  );
  // Berlin: 27 October 2030 has 25 hours.
  const cases: [string, string, number, number][] = [
    ['2030-10-28T13:59:00Z', '2030-10-28T13:00:00.000Z', 14, 14],
    ['2030-10-27T11:30:00Z', '2030-10-27T11:00:00.000Z', 13, 12],
    ['2030-10-26T22:10:00Z', '2030-10-26T22:00:00.000Z', 0, 0],
  ];
  for (const [now, until, today, weekAgo] of cases) {
    const sum = (calls: number) => ({ calls, amount: (calls / 2).toFixed(6) });
    assert.deepEqual(await sameHours(db, new Date(now), 'Europe/Berlin'), {
      until: new Date(until),
      today: sum(today),
      weekAgo: sum(weekAgo),
    });
  }
});
