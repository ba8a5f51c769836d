import type { Database, Queryable } from '../db/database.ts';
import { violatedConstraint } from '../db/errors.ts';
import type { Caller } from './api-key.ts';
import type { Decimal } from './money.ts';
import { Refusal } from './refusal.ts';

/** What `mrc` names its sums by; a service cannot be called so. */
export const RESERVED = new Set(['did', 'total']);

/**
 * The monthly charges of an account, as `mrc` lists them: services by description, then `did`,
 * then `total`. A billing account sees what it pays, also for others.
 * @returns JSON text of the array, so that no amount passes through a binary float
 */
export async function monthlyCharges(db: Database, caller: Caller): Promise<string> {
  const [row] = await db.read<{ list: string }>(
    'monthly-charges',
    `WITH paid AS (
       SELECT username FROM account WHERE (master_account = $1 OR username = $1) AND closed_at IS NULL
     ), services AS (
       SELECT description, sum(monthly) AS monthly FROM service
       WHERE account IN (SELECT username FROM paid) AND removed_at IS NULL
       GROUP BY description
     ), numbers AS (
       SELECT coalesce(sum(monthly), 0) AS monthly FROM number
       WHERE account IN (SELECT username FROM paid) AND removed_at IS NULL
     )
     SELECT jsonb_agg(jsonb_build_object(name, trim_scale(monthly)) ORDER BY place, name)::text
       AS list
     FROM (
       SELECT 1 AS place, description AS name, monthly FROM services
       UNION ALL SELECT 2, 'did', monthly FROM numbers
       UNION ALL SELECT 3, 'total',
         (SELECT coalesce(sum(monthly), 0) FROM services) + (SELECT monthly FROM numbers)
     ) AS rows`,
    [caller.username],
  );
  return row?.list ?? '[]';
}

/** @throws Refusal 'malformed' for a reserved description, 'not found' for an unknown account */
export async function addService(
  db: Queryable,
  service: { account: number; description: string; monthly: Decimal },
  now: Date,
): Promise<void> {
  if (RESERVED.has(service.description)) {
    throw new Refusal('malformed', `a service cannot be called ${service.description}`);
  }
  const rows = await db.query(
    `INSERT INTO service (account, description, monthly, added_at)
     SELECT username, $2, $3, $4 FROM account WHERE username = $1 AND closed_at IS NULL
     RETURNING id`,
    [service.account, service.description, service.monthly, now],
  );
  requireOne(rows, service.account);
}

/** Ends the service added first under this description. @throws Refusal 'not found' */
export async function removeService(
  db: Queryable,
  service: { account: number; description: string },
  now: Date,
): Promise<void> {
  const rows = await db.query(
    `UPDATE service SET removed_at = $3 WHERE id = (
       SELECT min(id) FROM service
       WHERE account = $1 AND description = $2 AND removed_at IS NULL)
     RETURNING id`,
    [service.account, service.description, now],
  );
  if (rows.length === 0) {
    throw new Refusal('not found', `${service.account} has no service "${service.description}"`);
  }
}

/** @throws Refusal 'conflict' while another account has the number, 'not found' */
export async function addNumber(
  db: Queryable,
  number: { account: number; number: string; monthly: Decimal },
  now: Date,
): Promise<void> {
  try {
    const rows = await db.query(
      `INSERT INTO number (account, number, monthly, added_at)
       SELECT username, $2, $3, $4 FROM account WHERE username = $1 AND closed_at IS NULL
       RETURNING id`,
      [number.account, number.number, number.monthly, now],
    );
    requireOne(rows, number.account);
  } catch (error) {
    if (violatedConstraint(error) !== 'number_in_use') throw error;
    throw new Refusal('conflict', `the number ${number.number} is in use`);
  }
}

/** @throws Refusal 'not found' */
export async function removeNumber(
  db: Queryable,
  number: { account: number; number: string },
  now: Date,
): Promise<void> {
  const rows = await db.query(
    `UPDATE number SET removed_at = $3
     WHERE account = $1 AND number = $2 AND removed_at IS NULL RETURNING id`,
    [number.account, number.number, now],
  );
  if (rows.length === 0) {
    throw new Refusal('not found', `${number.account} does not have the number ${number.number}`);
  }
}

function requireOne(rows: unknown[], account: number): void {
  if (rows.length === 0) throw new Refusal('not found', `there is no open account ${account}`);
}
