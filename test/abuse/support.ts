import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import { post as credit } from '../support/calls.ts';
import { newUsername } from '../support/contract.ts';
import { type Answer, post, startService, type TestService } from '../support/service.ts';

/** An unusual sum: only its owner may find it in an answer. */
const VICTIM_CASH = '1234.567891';

export interface Person {
  username: number;
  password: string;
  apikey: string;
  email: string;
}

/** A service with accounts whose data are worth stealing, and an attacker's account. */
export interface Target {
  api: TestService;
  administrator: Person;
  victim: Person;
  attacker: Person;
  /** Authorization headers of feeds, by format */
  feeds: Record<string, string>;
  /** texts that no answer to the attacker and no log line may contain */
  secrets: string[];
}

/**
 * Starts the service before the tests of a file. After them: no internal error happened, no secret
 * was logged, and the victim's account is unchanged.
 * @param prepare runs before the tests of a file
 */
export function startTarget(
  env: Record<string, string> = {},
  prepare: (target: Target) => Promise<void> = async () => undefined,
): Target {
  const target = {} as Target;
  let untouched: unknown;
  before(async () => {
    const api = await startService(env);
    const created = await api.administrator();
    const administrator = { ...created, email: '' };
    const [victim, attacker] = [await api.signUp('victim@example.com'), await api.signUp()];
    const feeds: Record<string, string> = {};
    for (const format of ['freeswitch', 'kamailio', 'opensips', 'asterisk', 'generic'] as const) {
      feeds[format] = await api.feed(format);
    }
    const { db } = api.service;
    await db.query(
      "UPDATE account SET name = 'Victim of Abuse', caller_id = '8005550199' WHERE username = $1",
      [victim.username],
    );
    await credit(db, victim.username, VICTIM_CASH);
    const call = {
      id: randomUUID(),
      account: victim.username,
      start: api.service.clock().getTime() / 1_000 - 60,
      duration: 30,
      cid: '8005550198',
      dst: '8005550197',
    };
    const { body } = await post(`${api.url}/ingest/v1/calls/generic`, call, {
      authorization: feeds.generic ?? '',
    });
    assert.equal(body.stored, 1);
    Object.assign(target, {
      api,
      administrator,
      victim,
      attacker,
      feeds,
      secrets: [
        ...[administrator, victim].flatMap(({ apikey, password }) => [apikey, password]),
        ...Object.values(feeds).map(secretOf),
        'Victim of Abuse',
        '8005550197',
        '8005550198',
        '8005550199',
      ],
    });
    untouched = await stateOf(target);
    await prepare(target);
  });
  after(async () => {
    try {
      await assertUnharmed(target, untouched);
    } finally {
      await target.api.stop();
    }
  });
  return target;
}

async function assertUnharmed(target: Target, untouched: unknown): Promise<void> {
  const { api, secrets, attacker } = target;
  const logged = api.logged();
  const failed = logged.split('\n').filter((line) => /"level":[56]0/.test(line));
  assert.deepEqual(failed, []);
  for (const secret of [...secrets, attacker.apikey, attacker.password]) {
    assert.ok(!logged.includes(secret), 'a secret was logged');
  }
  assert.deepEqual(await stateOf(target), untouched);
}

const secretOf = (authorization: string) =>
  Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')[1] ?? '';

/** The victim's data that an attack could change. */
async function stateOf({ api: { service }, victim }: Target): Promise<unknown> {
  return service.db.query(
    `SELECT a.*, b.*, (SELECT count(*) FROM call WHERE account = a.username) AS calls,
       (SELECT array_agg(role ORDER BY role) FROM account WHERE role <> 'customer') AS roles
     FROM account a JOIN balance b ON b.account = a.master_account WHERE a.username = $1`,
    [victim.username],
  );
}

/** Asserts the properties of every answer of the API and of ingest. */
export function assertEnvelope(answer: Answer, secrets: string[], what: string): void {
  const { status, body, headers } = answer;
  assert.ok(status < 500, `${what}: ${status}`);
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8', what);
  assert.equal(body.statusCode, String(status), what);
  assert.equal(body.status, status === 200 ? 'Success' : 'Error', what);
  if (status !== 200) {
    const { message, requirement, ...others } = body;
    assert.deepEqual(Object.keys(others), ['statusCode', 'status'], what);
    assert.equal(typeof message, 'string', what);
    assert.ok(
      requirement === undefined || (status === 400 && typeof requirement === 'string'),
      what,
    );
  }
  const text = JSON.stringify([body, ...headers]);
  assertNoSecrets(text, secrets, what);
  if (status !== 200) assertNothingInside(text, what);
}

export function assertNoSecrets(text: string, secrets: string[], what: string): void {
  for (const secret of secrets) assert.ok(!text.includes(secret), `${what} shows a secret`);
}

/** Asserts that a text contains no stack, no SQL and no message of the driver. */
export function assertNothingInside(text: string, what: string): void {
  assert.doesNotMatch(text, /node:internal|\.ts:\d+|\bSELECT\b.*\bFROM\b|pg_|relation "/, what);
}

/** A body that an operation accepts, from the attacker or, for `add`, from an administrator. */
export function goodBody({ attacker, administrator }: Target, operation: string) {
  const email = `${randomUUID()}@example.com`;
  const bodies: Record<string, Record<string, unknown>> = {
    add: { apikey: administrator.apikey, name: 'x', username: newUsername(), email },
    apikey: { username: attacker.username, password: attacker.password },
    recover: { email },
    signup: { name: 'x', email },
  };
  return bodies[operation] ?? { apikey: attacker.apikey };
}
