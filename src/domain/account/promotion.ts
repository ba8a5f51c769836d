import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit, differences } from '../audit.ts';
import { postEntry } from '../books/ledger.ts';
import type { Decimal } from '../money.ts';
import { invalidField, Refusal } from '../refusal.ts';

export interface Promotion {
  code: string;
  amount: Decimal;
  validUntil: Date | null;
  usesLimit: number | null;
  uses: number;
}

/** @throws Refusal 'conflict' if the code exists */
export async function createPromotion(
  db: Database,
  actor: Actor,
  promotion: Omit<Promotion, 'uses'>,
  now: Date,
): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO promotion (code, amount, valid_until, uses_limit, created_at)
         VALUES ($1, $2, $3, $4, $5)`,
        [promotion.code, promotion.amount, promotion.validUntil, promotion.usesLimit, now],
      );
      await audit(tx, actor, { action: 'promotion created', detail: promotion }, now);
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'promotion_code') throw error;
    throw new Refusal('conflict', `the promotion ${promotion.code} exists already`, {
      problem: { key: 'promotionExists', code: promotion.code },
    });
  }
}

/**
 * Changes until when and how often a promotion may be used; an earlier time ends it.
 * @throws Refusal 'not found'
 */
export function changePromotion(
  db: Database,
  actor: Actor,
  code: string,
  changes: Partial<Pick<Promotion, 'validUntil' | 'usesLimit'>>,
  now: Date,
): Promise<Promotion> {
  return db.transaction(async (tx) => {
    const select = `SELECT ${COLUMNS} FROM promotion WHERE lower(code) = lower($1) FOR UPDATE`;
    const [before] = await tx.query<Promotion>(select, [code]);
    if (!before) throw new Refusal('not found', `there is no promotion ${code}`);
    const after = { ...before, ...changes };
    const detail = differences(before, after);
    if (Object.keys(detail).length === 0) return before;
    await tx.query('UPDATE promotion SET valid_until = $2, uses_limit = $3 WHERE code = $1', [
      before.code,
      after.validUntil,
      after.usesLimit,
    ]);
    const changed = { action: 'promotion changed', detail: { code: before.code, ...detail } };
    await audit(tx, actor, changed, now);
    return after;
  });
}

const COLUMNS = `code, amount::text, valid_until AS "validUntil", uses_limit AS "usesLimit", uses`;

/** All promotions, ended ones too, by code. */
export function listPromotions(db: Queryable): Promise<Promotion[]> {
  return db.query<Promotion>(`SELECT ${COLUMNS} FROM promotion ORDER BY code`);
}

// Parameters: the code, the time.
const IS_VALID = `lower(code) = lower($1) AND (valid_until IS NULL OR valid_until > $2)
       AND (uses_limit IS NULL OR uses < uses_limit)`;

/** Whether a new account may use a code now. */
export async function isPromotionValid(db: Queryable, code: string, now: Date): Promise<boolean> {
  const rows = await db.query(
    `SELECT 1 FROM promotion
     WHERE ${IS_VALID}`,
    [code, now],
  );
  return rows.length > 0;
}

/**
 * Takes one of a promotion's uses for a new account. Its amount is credited only after the address
 * is verified, because anyone can invent addresses.
 * @throws Refusal 'field invalid' for a code that is unknown, expired or used up
 */
export async function reservePromotion(
  tx: Queryable,
  code: string,
  now: Date,
): Promise<{ code: string; amount: Decimal }> {
  const [promotion] = await tx.query<{ code: string; amount: Decimal }>(
    `UPDATE promotion SET uses = uses + 1
     WHERE ${IS_VALID}
     RETURNING code, amount::text`,
    [code, now],
  );
  if (!promotion) throw invalidField('promo', 'Must be a valid promotion code');
  return promotion;
}

/** Notes the use that `reservePromotion` has taken, once the new account has a username. */
export async function recordReservation(
  tx: Queryable,
  username: number,
  promotion: { code: string; amount: Decimal },
  now: Date,
): Promise<void> {
  await tx.query(
    'INSERT INTO promotion_use (account, code, amount, reserved_at) VALUES ($1, $2, $3, $4)',
    [username, promotion.code, promotion.amount, now],
  );
}

/**
 * Credits the promotion that a verified account has reserved, only once.
 * @returns the promotion that was credited now
 */
export async function creditPromotion(
  tx: Queryable,
  username: number,
  now: Date,
): Promise<{ code: string; amount: Decimal } | null> {
  const [use] = await tx.query<{ code: string; amount: Decimal }>(
    `UPDATE promotion_use SET credited_at = $2 WHERE account = $1 AND credited_at IS NULL
     RETURNING code, amount::text`,
    [username, now],
  );
  if (!use) return null;
  await postEntry(tx, {
    account: username,
    kind: 'promotion',
    amount: use.amount,
    reason: `Promotion ${use.code}`,
    reference: `promotion ${use.code}`,
    actor: 'signup',
    at: now,
  });
  return use;
}

/** Gives back the uses of accounts that were not verified within a week. */
export async function releaseStaleReservations(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `WITH released AS (
       DELETE FROM promotion_use
       WHERE credited_at IS NULL AND reserved_at < $1::timestamptz - interval '7 days'
       RETURNING code
     )
     UPDATE promotion p SET uses = p.uses - r.uses
     FROM (SELECT code, count(*)::int AS uses FROM released GROUP BY code) r
     WHERE p.code = r.code`,
    [now],
  );
}
