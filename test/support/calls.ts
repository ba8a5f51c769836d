import { randomUUID } from 'node:crypto';
import type { Database, Queryable } from '../../src/db/database.ts';
import { changeAccount } from '../../src/domain/account/account.ts';
import type { AccountChanges } from '../../src/domain/account/account-setting.ts';
import { addAccount, NO_LIMITS } from '../../src/domain/account/new-account.ts';
import { postEntry } from '../../src/domain/books/ledger.ts';
import type { Outcome, ReportedCall, StoreResult } from '../../src/domain/calls/call.ts';
import { TESTER, type TestService } from './service.ts';

let nextUsername = 3_000_000_001;

export interface CustomerOptions {
  /** money per minute */
  rate?: string;
  minimum?: number;
  increment?: number;
  /** money credited immediately */
  cash?: string;
  /** the account that pays */
  master?: number;
}

/** Adds an account as an administrator. @returns its username */
export async function addCustomer(
  { service }: TestService,
  options: CustomerOptions = {},
): Promise<number> {
  const { db, keyring, clock, config } = service;
  const username = nextUsername++;
  const { rate = '0.025', minimum = 6, increment = 6, cash, master = username } = options;
  await addAccount(db, TESTER, keyring, {
    name: 'Example Company',
    email: `user-${username}@example.com`,
    username,
    masterAccount: master,
    role: 'customer',
    rate,
    limits: NO_LIMITS,
    sipRealm: config.sipRealm,
    now: clock(),
  });
  await db.query(
    'UPDATE account SET minimum_seconds = $2, increment_seconds = $3 WHERE username = $1',
    [username, minimum, increment],
  );
  if (cash) await post(db, username, cash, clock());
  return username;
}

/** Changes settings of an account as an administrator. */
export function changeSettings(
  { service: { db, queue, clock } }: TestService,
  account: number,
  changes: AccountChanges,
  now = clock(),
): Promise<void> {
  return changeAccount(db, TESTER, { queue, now }, account, changes);
}

/** Recent calls that cost nothing, with long names: more bytes than sockets hold. */
export async function storeFreeCalls(db: Queryable, account: number, calls: number): Promise<void> {
  await db.query(
    `INSERT INTO call (billing_account, account, started_at, id, caller, called, caller_name,
       talk_microseconds, billed_seconds, rate, amount, debited, feed, content_digest, received_at)
     SELECT $1, $1, now() - n * interval '1 millisecond', gen_random_uuid(), '2125550100',
       '2125550101', repeat('X', 200), 0, 0, 0, 0, true, 'switch', '', now()
     FROM generate_series(1, $2::int) AS n`,
    [account, calls],
  );
}

/** Many copies of an existing account; each pays for itself. @returns usernames */
export async function cloneCustomer(
  db: Database,
  account: number,
  count: number,
): Promise<number[]> {
  const usernames = Array.from({ length: count }, () => nextUsername++);
  const [row] = await db.query<{ columns: string }>(
    `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
     WHERE attrelid = 'account'::regclass AND attnum > 0 AND attgenerated = ''
       AND NOT attisdropped`,
  );
  await db.query(
    `WITH added AS (
       INSERT INTO account (${row?.columns})
       SELECT ${row?.columns} FROM (
         SELECT (jsonb_populate_record(a, jsonb_build_object(
           'username', u, 'master_account', u, 'key_digest', sha256(u::text::bytea)))).*
         FROM account a, unnest($2::bigint[]) u WHERE a.username = $1) AS copies
       RETURNING username
     )
     INSERT INTO balance (account) SELECT username FROM added`,
    [account, usernames],
  );
  return usernames;
}

/** Credits an account, or debits it with a negative amount. */
export async function post(db: Database, account: number, amount: string, at = new Date()) {
  const entry = { account, amount, reason: 'test', actor: 'test', at } as const;
  return postEntry(db, { ...entry, kind: 'payment' });
}

/** A call of 40 seconds, ten minutes ago. */
export function reportedCall(fields: Partial<ReportedCall> = {}): ReportedCall {
  return {
    id: randomUUID().replaceAll('-', ''),
    account: undefined,
    startedAt: new Date(Math.floor(Date.now() / 1_000 - 600) * 1_000),
    talkMicroseconds: 40_000_000,
    outcome: undefined,
    caller: '8666326621',
    called: '2125550123',
    sourceIp: '192.0.2.13',
    callerName: 'Example',
    switchDebit: undefined,
    callId: undefined,
    ...fields,
  };
}

export interface Money {
  cash: string;
  suspended: boolean;
  warning_due: boolean;
}

export async function moneyOf(db: Database, account: number): Promise<Money | undefined> {
  const [row] = await db.query<Money>(
    'SELECT cash::text, suspended, warning_due FROM balance WHERE account = $1',
    [account],
  );
  return row;
}

/** All stored calls and balances, without the time of arrival. */
export async function booksOf(db: Database): Promise<object> {
  const calls = await db.query(
    `SELECT billing_account, account, started_at, id, caller, called, source_ip, caller_name,
       talk_microseconds, billed_seconds, rate::text, amount::text, debited,
       encode(content_digest, 'hex') AS digest
     FROM call ORDER BY id, started_at`,
  );
  const balances = await db.query(
    'SELECT account, cash::text, suspended, warning_due FROM balance ORDER BY account',
  );
  return { calls, balances };
}

/** The result for calls: how many are stored or known, and the positions of the others. */
export function countsOf({ outcomes, warningsDue }: StoreResult) {
  const positions = (wanted: Outcome) =>
    outcomes.flatMap((outcome, position) => (outcome === wanted ? [position] : []));
  return {
    stored: positions('stored').length,
    duplicates: positions('duplicate').length,
    unknownAccounts: positions('unknown account'),
    conflicts: positions('conflict'),
    warningsDue,
  };
}
