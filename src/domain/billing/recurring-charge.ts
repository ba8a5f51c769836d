import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';

/** Names of the sums in `mrc`; a service cannot have such a name. */
export const RESERVED = new Set(['did', 'total']);

/** A service or a number that an account has now. */
export interface RecurringItem {
  kind: 'service' | 'number';
  /** the account that has it */
  account: number;
  /** the service's description, or the number */
  name: string;
  /** money a month */
  monthly: Decimal;
  addedAt: Date;
}

/** The items that an account pays each month; for a billing account also those of sub-accounts. */
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

/**
 * @returns the service's id
 * @throws Refusal 'malformed' for a reserved description, 'not found' for an unknown account
 */
export async function addService(
  db: Database,
  actor: Actor,
  service: { account: number; description: string; monthly: Decimal; addedAt?: Date },
  now: Date,
): Promise<number> {
  if (RESERVED.has(service.description)) {
    throw new Refusal('malformed', `a service cannot be called ${service.description}`);
  }
  const { account, addedAt = now, ...detail } = service;
  return db.transaction(async (tx) => {
    const rows = await tx.query<{ id: number }>(
      `INSERT INTO service (account, description, monthly, added_at)
       SELECT username, $2, $3, $4 FROM account WHERE username = $1 AND closed_at IS NULL
       RETURNING id`,
      [account, service.description, service.monthly, addedAt],
    );
    requireOne(rows, account);
    await scheduleCharges(tx, account, now);
    await audit(tx, actor, { action: 'service added', account, detail }, now);
    const { id } = rows[0] as { id: number };
    await recordEvent(
      tx,
      { type: 'service.added', account, data: { id: String(id), ...detail } },
      now,
    );
    return id;
  });
}

/**
 * Ends the service with an id, or the oldest one with a description.
 * @throws Refusal 'not found'
 */
export async function removeService(
  db: Database,
  actor: Actor,
  service: { account: number } & ({ description: string } | { id: number }),
  now: Date,
): Promise<void> {
  const { account } = service;
  const [column, value] =
    'id' in service ? ['id', service.id] : ['description', service.description];
  await db.transaction(async (tx) => {
    const [removed] = await tx.query<{ id: string; description: string; monthly: Decimal }>(
      `UPDATE service SET removed_at = $3 WHERE id = (
         SELECT min(id) FROM service
         WHERE account = $1 AND ${column} = $2 AND removed_at IS NULL)
       RETURNING id::text, description, monthly::text`,
      [account, value, now],
    );
    if (!removed) throw new Refusal('not found', `${account} has no service "${value}"`);
    const { id: _, ...detail } = removed;
    await audit(tx, actor, { action: 'service removed', account, detail }, now);
    await recordEvent(tx, { type: 'service.removed', account, data: removed }, now);
  });
}

/** A number to give to an account. */
export interface NewNumber {
  account: number;
  number: string;
  /** left out: now */
  addedAt?: Date;
  /** money a month */
  monthly: Decimal;
}

/** @throws Refusal 'conflict' while another account has the number, 'not found' */
export function addNumber(db: Database, actor: Actor, number: NewNumber, now: Date): Promise<void> {
  return numberIsFree(number, () => db.transaction((tx) => insertNumber(tx, actor, number, now)));
}

/**
 * Gives a number to an account at a monthly price. If it had another account or price, that
 * assignment ends and a new one begins in one transaction. So the number always has an owner.
 * @param from the account that it may be taken from; undefined: from no other account
 * @returns what was done
 * @throws Refusal 'conflict' while another account has it, 'not found'
 */
export function setNumber(
  db: Database,
  actor: Actor,
  wanted: NewNumber,
  now: Date,
  from?: number,
): Promise<'added' | 'changed' | 'unchanged'> {
  const { account, number, monthly } = wanted;
  return numberIsFree(wanted, () =>
    db.transaction(async (tx) => {
      const [before] = await tx.query<{ account: number; isSame: boolean }>(
        `SELECT account, monthly = $2::numeric AS "isSame" FROM number
         WHERE number = $1 AND removed_at IS NULL FOR UPDATE`,
        [number, monthly],
      );
      if (before?.account === account && before.isSame) return 'unchanged';
      if (before && (before.account === account || before.account === from)) {
        await endNumber(tx, actor, { account: before.account, number }, now);
      }
      await insertNumber(tx, actor, wanted, now);
      return before ? 'changed' : 'added';
    }),
  );
}

async function insertNumber(
  tx: Queryable,
  actor: Actor,
  number: NewNumber,
  now: Date,
): Promise<void> {
  const { account, addedAt = now, ...detail } = number;
  const rows = await tx.query(
    `INSERT INTO number (account, number, monthly, added_at)
     SELECT username, $2, $3, $4 FROM account WHERE username = $1 AND closed_at IS NULL
     RETURNING id`,
    [account, detail.number, detail.monthly, addedAt],
  );
  requireOne(rows, account);
  await scheduleCharges(tx, account, now);
  await audit(tx, actor, { action: 'number added', account, detail }, now);
  await recordEvent(tx, { type: 'number.assigned', account, data: detail }, now);
}

/** Runs `work`. @throws Refusal 'conflict' instead of the database's error */
async function numberIsFree<T>(number: NewNumber, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) !== 'number_in_use') throw error;
    throw new Refusal('conflict', `the number ${number.number} is in use`, {
      problem: { key: 'numberInUse', number: number.number },
    });
  }
}

/** @throws Refusal 'not found' */
export function removeNumber(
  db: Database,
  actor: Actor,
  number: { account: number; number: string },
  now: Date,
): Promise<void> {
  return db.transaction((tx) => endNumber(tx, actor, number, now));
}

async function endNumber(
  tx: Queryable,
  actor: Actor,
  { account, number }: { account: number; number: string },
  now: Date,
): Promise<void> {
  const [removed] = await tx.query<{ monthly: Decimal }>(
    `UPDATE number SET removed_at = $3
     WHERE account = $1 AND number = $2 AND removed_at IS NULL RETURNING monthly::text`,
    [account, number, now],
  );
  if (!removed) throw new Refusal('not found', `${account} does not have the number ${number}`);
  const detail = { number, ...removed };
  await audit(tx, actor, { action: 'number removed', account, detail }, now);
  await recordEvent(tx, { type: 'number.removed', account, data: detail }, now);
}

/** Ends all services of an account and frees its numbers for other accounts. */
export async function endRecurringCharges(
  tx: Queryable,
  account: number,
  now: Date,
): Promise<void> {
  const columns = { service: 'id::text, description', number: 'number' };
  for (const table of ['service', 'number'] as const) {
    const ended = await tx.query(
      `UPDATE ${table} SET removed_at = $2 WHERE account = $1 AND removed_at IS NULL
       RETURNING ${columns[table]}, monthly::text`,
      [account, now],
    );
    for (const data of ended) {
      await recordEvent(tx, { type: `${table}.removed`, account, data }, now);
    }
  }
}

/** The account that pays is charged from the next month on, in its own time zone. */
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
