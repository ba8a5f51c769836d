import { randomBytes } from 'node:crypto';
import { ensurePartitions } from '../src/domain/calls/call-partition.ts';
import type { Stage } from './stage.ts';

/** An account with a key; accounts without keys only fill the tables. */
export interface Account {
  username: number;
  key: string;
}

const FIRST_USERNAME = 2_000_000_000;
// Most calls lie in months that no request reads.
const DAYS = 90;
const DAY_MS = 86_400_000;
/** of each call */
const AMOUNT = '0.017500';

/**
 * Makes accounts; some of them, at even distances, have known keys. A second call adds the missing
 * accounts and gives those new keys.
 */
export async function makeAccounts(
  { db, keyring }: Stage,
  { accounts, withKeys }: { accounts: number; withKeys: number },
): Promise<Account[]> {
  const keyed = Array.from({ length: withKeys }, (_, n) => ({
    username: FIRST_USERNAME + n * Math.floor(accounts / withKeys),
    key: randomBytes(16).toString('hex'),
  }));
  await db.query(
    `INSERT INTO account (username, master_account, name, email, email_key, rate, created_at,
       verified_at, password_hash, key_digest, key_sealed)
     SELECT u, u, 'Example Company ' || u, u || '@example.com', u || '@example.com', 0.0075,
       now() - interval '1 year', now() - interval '1 year', 'none',
       sha256(convert_to(u::text, 'UTF8')), '\\x00'
     FROM generate_series($1::bigint, $1::bigint + $2 - 1) AS u
     ON CONFLICT DO NOTHING`,
    [FIRST_USERNAME, accounts],
  );
  await db.query(
    `UPDATE account a SET key_digest = k.digest FROM unnest($1::bigint[], $2::bytea[])
       AS k (username, digest) WHERE a.username = k.username`,
    [keyed.map(({ username }) => username), keyed.map(({ key }) => keyring.digest(key))],
  );
  // Otherwise the service would make them during the measurement.
  await db.query(
    `INSERT INTO sip_secret (account, sip_user, realm, ha1, sealed, version, changed_at)
     SELECT username, username, 'localhost', md5(username::text), '\\x00', 1, now() FROM account
     ON CONFLICT DO NOTHING`,
  );
  await db.query(
    'INSERT INTO balance (account) SELECT username FROM account ON CONFLICT DO NOTHING',
  );
  await db.query(
    `WITH paid AS (
       INSERT INTO ledger_entry (account, kind, amount, reason, reference, actor, created_at)
       SELECT account, 'payment', 1000000, 'Benchmark', 'benchmark', 'benchmark', now()
       FROM balance ON CONFLICT (account, reference) DO NOTHING RETURNING account, amount
     )
     UPDATE balance b SET cash = b.cash + p.amount FROM paid p WHERE b.account = p.account`,
  );
  return keyed;
}

/**
 * Adds calls, spread evenly over accounts and over the last days. PostgreSQL itself makes them in
 * the order of their arrival. Their debits are posted, so the books balance.
 * @param first the number of the first call; a call's number makes its id
 */
export async function makeCalls(
  { db }: Stage,
  {
    accounts,
    first,
    calls,
    days = DAYS,
  }: { accounts: number[]; first: number; calls: number; days?: number },
): Promise<void> {
  const step = 1_000_000;
  const moments = Array.from({ length: days + 1 }, (_, n) => new Date(Date.now() - n * DAY_MS));
  await ensurePartitions(db, moments);
  for (let from = first; from < first + calls; from += step) {
    const to = Math.min(from + step, first + calls) - 1;
    await db.query(
      `INSERT INTO call (billing_account, account, started_at, id, caller, called, source_ip,
         caller_name, talk_microseconds, billed_seconds, rate, amount, debited, feed,
         content_digest, received_at)
       SELECT u, u, at, md5(n::text)::uuid, '8666326621', '8008786160',
         '192.0.2.13', 'TOLL%20FREE%20CALL', 40000000, 42, 0.025, $7, true, 'benchmark',
         decode(md5(n::text), 'hex'), at + interval '1 minute'
       FROM generate_series($2::bigint, $3::bigint) AS n,
         LATERAL (SELECT ($1::bigint[])[1 + n % cardinality($1::bigint[])] AS u,
           date_trunc('second', now() - interval '1 hour' - make_interval(
             secs => ($5::bigint - n)::float8 / $6 * ($4 * 86400 - 7200))) AS at) AS c`,
      [accounts, from, to, days, first + calls, calls, AMOUNT],
    );
  }
  // Each account once: with many accounts, a debit in each step would cost more than the calls.
  const before = (end: number, n: number) => Math.floor((end - 1 - n) / accounts.length);
  await db.query(
    `UPDATE balance b SET cash = b.cash - $3::numeric * c.calls
     FROM unnest($1::bigint[], $2::bigint[]) AS c (account, calls) WHERE b.account = c.account`,
    [accounts, accounts.map((_, n) => before(first + calls, n) - before(first, n)), AMOUNT],
  );
}

/** Does the work that autovacuum would do after a while. */
export async function settle({ db }: Stage): Promise<void> {
  await db.query('VACUUM ANALYZE');
  await db.query('CHECKPOINT');
}
