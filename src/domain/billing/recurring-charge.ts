import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit } from '../audit.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';

/** What `mrc` names its sums by; a service cannot be called so. */
export const RESERVED = new Set(['did', 'total']);

/** A service or a number that an account has now. */
export interface RecurringItem {
  kind: 'service' | 'number';
  /** who has it */
  account: number;
  /** the service's description, or the number */
  name: string;
  /** dollars a month */
  monthly: Decimal;
  addedAt: Date;
}

/** What an account pays each month, item by item: a billing account also for others. */
export function recurringItems(
  db: Queryable,
  caller: { username: number },
): Promise<RecurringItem[]> {
  return db.query<RecurringItem>(
    `WITH paid AS (
       SELECT username FROM account WHERE (master_account = $1 OR username = $1) AND closed_at IS NULL
     )
     SELECT 'service' AS kind, account, description AS name, monthly::text, added_at AS "addedAt"
     FROM service WHERE account IN (SELECT username FROM paid) AND removed_at IS NULL
     UNION ALL
     SELECT 'number', account, number, monthly::text, added_at
     FROM number WHERE account IN (SELECT username FROM paid) AND removed_at IS NULL
     ORDER BY kind DESC, name, account`,
    [caller.username],
  );
}

/** @throws Refusal 'malformed' for a reserved description, 'not found' for an unknown account */
export async function addService(
  db: Database,
  actor: Actor,
  service: { account: number; description: string; monthly: Decimal },
  now: Date,
): Promise<void> {
  if (RESERVED.has(service.description)) {
    throw new Refusal('malformed', `a service cannot be called ${service.description}`);
  }
  const { account, ...detail } = service;
  await db.transaction(async (tx) => {
    const rows = await tx.query(
      `INSERT INTO service (account, description, monthly, added_at)
       SELECT username, $2, $3, $4 FROM account WHERE username = $1 AND closed_at IS NULL
       RETURNING id`,
      [account, service.description, service.monthly, now],
    );
    requireOne(rows, account);
    await scheduleCharges(tx, account, now);
    await audit(tx, actor, { action: 'service added', account, detail }, now);
  });
}

/** Ends the service added first under this description. @throws Refusal 'not found' */
export async function removeService(
  db: Database,
  actor: Actor,
  { account, description }: { account: number; description: string },
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const [removed] = await tx.query<{ monthly: Decimal }>(
      `UPDATE service SET removed_at = $3 WHERE id = (
         SELECT min(id) FROM service
         WHERE account = $1 AND description = $2 AND removed_at IS NULL)
       RETURNING monthly::text`,
      [account, description, now],
    );
    if (!removed) throw new Refusal('not found', `${account} has no service "${description}"`);
    const detail = { description, ...removed };
    await audit(tx, actor, { action: 'service removed', account, detail }, now);
  });
}

/** @throws Refusal 'conflict' while another account has the number, 'not found' */
export async function addNumber(
  db: Database,
  actor: Actor,
  number: { account: number; number: string; monthly: Decimal },
  now: Date,
): Promise<void> {
  const { account, ...detail } = number;
  try {
    await db.transaction(async (tx) => {
      const rows = await tx.query(
        `INSERT INTO number (account, number, monthly, added_at)
         SELECT username, $2, $3, $4 FROM account WHERE username = $1 AND closed_at IS NULL
         RETURNING id`,
        [account, number.number, number.monthly, now],
      );
      requireOne(rows, account);
      await scheduleCharges(tx, account, now);
      await audit(tx, actor, { action: 'number added', account, detail }, now);
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'number_in_use') throw error;
    throw new Refusal('conflict', `the number ${number.number} is in use`, {
      problem: { key: 'numberInUse', number: number.number },
    });
  }
}

/** @throws Refusal 'not found' */
export async function removeNumber(
  db: Database,
  actor: Actor,
  { account, number }: { account: number; number: string },
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const [removed] = await tx.query<{ monthly: Decimal }>(
      `UPDATE number SET removed_at = $3
       WHERE account = $1 AND number = $2 AND removed_at IS NULL RETURNING monthly::text`,
      [account, number, now],
    );
    if (!removed) throw new Refusal('not found', `${account} does not have the number ${number}`);
    const detail = { number, ...removed };
    await audit(tx, actor, { action: 'number removed', account, detail }, now);
  });
}

/** Ends all services of an account and frees its numbers for others. */
export async function endRecurringCharges(
  tx: Queryable,
  account: number,
  now: Date,
): Promise<void> {
  for (const table of ['service', 'number']) {
    await tx.query(
      `UPDATE ${table} SET removed_at = $2 WHERE account = $1 AND removed_at IS NULL`,
      [account, now],
    );
  }
}

/** Has the account that pays charged from the next month on, in its own time zone. */
async function scheduleCharges(tx: Queryable, account: number, now: Date): Promise<void> {
  await tx.query(
    `UPDATE account m SET next_charge =
       (date_trunc('month', $2::timestamptz AT TIME ZONE m.time_zone) + interval '1 month')::date
     FROM account a
     WHERE a.username = $1 AND m.username = a.master_account AND m.next_charge IS NULL`,
    [account, now],
  );
}

function requireOne(rows: unknown[], account: number): void {
  if (rows.length === 0) throw new Refusal('not found', `there is no open account ${account}`);
}
