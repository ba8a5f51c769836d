import pg from 'pg';
import { CALL_OUTCOMES } from '../../src/domain/calls/call-outcome.ts';
import { embeddedConnection } from '../support/server.ts';
import type { Stage } from './stage.ts';

/** A name of 100 letters without a blank, and one that runs from right to left beside digits. */
const LONG = 'Rundfunkanstaltsgebührenbefreiungsbescheid'.repeat(3).slice(0, 100);
const RIGHT_TO_LEFT = 'شركة المثال للاتصالات 24';
const WORDLESS = 'x'.repeat(200);

const ACCOUNTS = 100_000;
const CALLS = 1_000_000;
const FIRST_ACCOUNT = 3_200_000_000;

/**
 * Gives the demo's accounts what a carrier has and a demo has not: long names, names from right to
 * left, amounts from nothing to hundreds of millions, and records, mails and feeds that need
 * attention. The books stay balanced.
 */
export async function addHardFigures({ dataDir, customer }: Stage): Promise<void> {
  await inDatabase(dataDir, async (db) => {
    const payer = Number(customer.username);
    await db.query(
      `UPDATE account SET name = CASE username WHEN $1::bigint THEN $2 WHEN $1 + 1 THEN $3 ELSE name END,
         email = CASE username WHEN $1 + 1 THEN $4 ELSE email END
       WHERE username BETWEEN $1 AND $1 + 2`,
      [payer, LONG, RIGHT_TO_LEFT, `${'long.address.'.repeat(4)}x@${'d'.repeat(60)}.example.com`],
    );
    await db.query(
      `WITH entry (amount, reason, kind) AS (VALUES (123456789.01, $2, 'payment'),
         (-12345.67, $3, 'adjustment'), (0.000001, $4, 'promotion')), posted AS (
         INSERT INTO ledger_entry (account, kind, amount, reason, reference, actor, created_at)
         SELECT $1::bigint, kind, amount, reason, 'hard ' || kind, 'operator', now() - interval '1 day'
         FROM entry RETURNING amount)
       UPDATE balance SET cash = cash + (SELECT sum(amount) FROM posted) WHERE account = $1`,
      [payer, LONG, RIGHT_TO_LEFT, WORDLESS],
    );
    await db.query(
      `WITH made AS (
         INSERT INTO call (billing_account, account, started_at, id, caller, called, source_ip,
           caller_name, talk_microseconds, billed_seconds, rate, amount, debited, feed,
           content_digest, received_at)
         SELECT $1::bigint, $1 + n % 3, now() - n * interval '97 minutes', md5('hard' || n)::uuid,
           '+493012345678901', '+881612345678901', '192.0.2.10',
           CASE n % 3 WHEN 0 THEN $2 WHEN 1 THEN $3 END, 3600000000, 3600, 12.345678,
           12345.678912 / n, true, 'demo', sha256(n::text::bytea), now()
         FROM generate_series(1, 60) n RETURNING amount)
       UPDATE balance SET cash = cash - (SELECT sum(amount) FROM made) WHERE account = $1`,
      [payer, LONG, encodeURIComponent(RIGHT_TO_LEFT)],
    );
    await db.query(
      `INSERT INTO feed (name, format, secret_digest, created_at, last_seen_at)
       VALUES ($1, 'generic', 'x', now(), now() - interval '3 hours')`,
      ['sbc'.repeat(15)],
    );
    await db.query(
      `INSERT INTO rejected_record (feed, format, reason, detail, raw, digest, received_at)
       SELECT 'demo', 'generic', 'malformed', $1, 'x', sha256(n::text::bytea),
         now() - n * interval '1 hour' FROM generate_series(1, 20) n`,
      [WORDLESS],
    );
  });
}

/** Adds 100,000 accounts and a million calls, a fifth of them for the demo's account. */
export async function addVolume({ dataDir, customer }: Stage): Promise<void> {
  await inDatabase(dataDir, async (db) => {
    await db.query(
      `WITH added AS (
         INSERT INTO account (username, master_account, name, email, email_key, rate, created_at,
           verified_at, enabled, closed_at, password_hash, key_digest, key_sealed)
         SELECT u, u - (u % 20 = 19)::int, CASE WHEN u % 50 = 0 THEN $3 WHEN u % 50 = 1 THEN $4
             ELSE 'Example Company ' || u % 100000 END, u || '@example.com', u || '@example.com',
           0.0075, now() - interval '1 year', CASE WHEN u % 10 > 0 THEN now() END, u % 97 > 0,
           CASE WHEN u % 89 = 0 THEN now() END, 'x', sha256(u::text::bytea), 'x'
         FROM generate_series($1::bigint, $1 + $2 - 1) u RETURNING username, master_account)
       INSERT INTO balance (account, cash, suspended)
       SELECT username, (username % 5000) * 12345.67 / 100 - 1000, username % 31 = 0 FROM added
       WHERE username = master_account`,
      [FIRST_ACCOUNT, ACCOUNTS, LONG, RIGHT_TO_LEFT],
    );
    await db.query(
      `INSERT INTO ledger_entry (account, kind, amount, reason, actor, created_at)
       SELECT account, 'adjustment', cash, 'Opening balance', 'operator', now() - interval '1 year'
       FROM balance WHERE account BETWEEN $1 AND $1 + $2 - 1 AND cash <> 0`,
      [FIRST_ACCOUNT, ACCOUNTS],
    );
    await db.query(
      `INSERT INTO call (billing_account, account, started_at, id, caller, called, source_ip,
         caller_name, talk_microseconds, billed_seconds, rate, amount, debited, feed,
         content_digest, received_at, outcome)
       SELECT payer, payer, at, md5(n::text)::uuid, '2125550100', '415' || 5550000 + n % 10000,
         '192.0.2.10', 'EXAMPLE', (n % 4) * 60000000, (n % 4) * 60, 0.0125, (n % 4) * 0.0125, false,
         'demo', decode(md5(n::text), 'hex'), at + interval '1 hour',
         CASE WHEN n % 4 = 0 THEN ($4::text[])[1 + n / 4 % 7] END
       FROM generate_series(1, $1::bigint) n, LATERAL (SELECT
         CASE WHEN n % 5 = 0 THEN $3 ELSE $2::bigint + n % 90000 - (n % 90000) % 20 END AS payer,
         now() - interval '1 hour' - n * (interval '26 days' / $1) AS at) place`,
      [CALLS, FIRST_ACCOUNT, Number(customer.username), [...CALL_OUTCOMES.slice(1), null]],
    );
    await db.query('VACUUM ANALYZE');
  });
}

/** Connects to the database of a stage for some work. */
export async function inDatabase(
  dataDir: string,
  work: (db: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client(embeddedConnection(dataDir));
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
