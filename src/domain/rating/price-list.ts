import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';
import { Refusal } from '../refusal.ts';
import type { Price } from './price-csv.ts';
import { prefixesOf } from './rating.ts';

export interface PriceListSummary {
  name: string;
  createdAt: Date;
  /** prices valid now */
  prices: number;
  /** prices valid later */
  scheduled: number;
  /** open accounts with this list */
  accounts: number;
  changedAt: Date;
}

/** @throws Refusal 'not found', 'conflict' while accounts have it */
export async function removePriceList(
  db: Database,
  actor: Actor,
  list: string,
  now: Date,
): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      const rows = await tx.query('DELETE FROM price_list WHERE name = $1 RETURNING name', [list]);
      if (rows.length === 0) throw unknownList(list);
      await audit(tx, actor, { action: 'price list removed', detail: { list } }, now);
      const data = { list, removed: true };
      await recordEvent(tx, { type: 'price_list.changed', data }, now);
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'account_price_list') throw error;
    throw new Refusal('conflict', `accounts have the price list ${list}; give them another first`, {
      reason: 'price list in use',
    });
  }
}

/** @returns undefined if there is no such list */
export async function findPriceList(
  db: Queryable,
  name: string,
): Promise<PriceListSummary | undefined> {
  const [list] = await db.query<PriceListSummary>(
    `SELECT ${SUMMARY} FROM price_list l WHERE l.name = $1`,
    [name],
  );
  return list;
}

/** All price lists, by name. */
export function listPriceLists(db: Queryable): Promise<PriceListSummary[]> {
  return db.query<PriceListSummary>(`SELECT ${SUMMARY} FROM price_list l ORDER BY l.name`);
}

const SUMMARY = `l.name, l.created_at AS "createdAt", l.changed_at AS "changedAt",
  (SELECT count(*) FROM price p WHERE p.list = l.name AND p.valid_from <= now()
     AND p.valid_until > now()) AS prices,
  (SELECT count(*) FROM price p WHERE p.list = l.name AND p.valid_from > now()) AS scheduled,
  (SELECT count(*) FROM account a WHERE a.price_list = l.name AND a.closed_at IS NULL) AS accounts`;

/** A price with the time in which it is valid; null: no limit on that side. */
export interface ListedPrice extends Omit<Price, 'validFrom'> {
  validFrom: Date | null;
  validUntil: Date | null;
}

/**
 * A list's prices for a call that starts at a moment, by prefix.
 * @param page.prefix only prefixes that begin with it
 * @param page.after the last prefix already seen
 * @throws Refusal 'not found'
 */
export async function listPrices(
  db: Queryable,
  list: string,
  page: { prefix?: string; after?: string; limit: number; at: Date },
): Promise<ListedPrice[]> {
  const { prefix = '', after = '', limit, at } = page;
  await requireList(db, list);
  return db.query<ListedPrice>(
    `SELECT ${PRICE_COLUMNS} FROM price WHERE list = $1 AND starts_with(prefix, $2) AND prefix > $3 COLLATE "C"
       AND valid_from <= $5 AND valid_until > $5
     ORDER BY prefix COLLATE "C" LIMIT $4`,
    [list, prefix, after, limit, at],
  );
}

/**
 * The price of a list for a call to a number: that of the longest prefix.
 * @param number as `dialledNumber` writes it
 * @returns undefined where no prefix of the number has a price then
 * @throws Refusal 'not found'
 */
export async function findPrice(
  db: Queryable,
  list: string,
  { number, at }: { number: string; at: Date },
): Promise<ListedPrice | undefined> {
  await requireList(db, list);
  const [price] = await db.query<ListedPrice>(
    `SELECT ${PRICE_COLUMNS} FROM price
     WHERE list = $1 AND prefix = ANY (${prefixesOf('$2::text')})
       AND valid_from <= $3 AND valid_until > $3
     ORDER BY length(prefix) DESC LIMIT 1`,
    [list, number, at],
  );
  return price;
}

const PRICE_COLUMNS = `prefix, name, rate::text, minimum_seconds AS "minimumSeconds",
  increment_seconds AS "incrementSeconds", connect_fee::text AS "connectFee",
  minimum_charge::text AS "minimumCharge", nullif(valid_from, '-infinity') AS "validFrom",
  nullif(valid_until, 'infinity') AS "validUntil"`;

/** @throws Refusal 'not found' */
export async function requireList(db: Queryable, list: string): Promise<void> {
  const found = await db.query('SELECT 1 FROM price_list WHERE name = $1', [list]);
  if (found.length === 0) throw unknownList(list);
}

function unknownList(list: string): Refusal {
  return new Refusal('not found', `there is no price list ${list}`);
}
