import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit } from '../audit.ts';
import { type Decimal, toMicros } from '../money.ts';
import { Refusal } from '../refusal.ts';
import type { Price } from './price-csv.ts';
import { isBlocked, joinDestination, PRICE_LIST, rateOf } from './rating.ts';

const BATCH = 2_000;

export interface PriceListSummary {
  name: string;
  prices: number;
  /** open accounts that it is set for */
  accounts: number;
  changedAt: Date;
}

/** The same, and since when it is there. */
export interface PriceListRecord extends PriceListSummary {
  createdAt: Date;
}

export interface ImportCounts {
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
}

export interface ImportOptions {
  now: Date;
  /** prices that are not given are removed */
  replace: boolean;
  /** count only */
  dryRun: boolean;
  onProgress?: (done: number) => void;
  /** looks at the list once nobody else can change it; what it throws leaves all as it is */
  precondition?: (tx: Queryable) => Promise<void>;
}

/**
 * Puts prices into a list, which is made where there is none: all of them or, where it fails, none.
 * Calls that are rated meanwhile see the list as it was.
 * @throws Refusal 'malformed' where none is given that would replace those of the list
 */
export async function importPrices(
  db: Database,
  actor: Actor,
  list: string,
  prices: Price[],
  { now, replace, dryRun, onProgress, precondition }: ImportOptions,
): Promise<ImportCounts> {
  if (replace && prices.length === 0) {
    throw new Refusal('malformed', 'there is no price to replace the list with');
  }
  return db.transaction(async (tx) => {
    // Whoever imports into the same list waits here.
    if (!dryRun) await holdList(tx, list, now);
    await precondition?.(tx);
    const current = new Map((await pricesOf(tx, list)).map((price) => [price.prefix, price]));
    const given = new Set(prices.map(({ prefix }) => prefix));
    const added = prices.filter(({ prefix }) => !current.has(prefix));
    const changed = prices.filter((price) => {
      const before = current.get(price.prefix);
      return before !== undefined && !isSame(before, price);
    });
    const removed = replace ? [...current.keys()].filter((prefix) => !given.has(prefix)) : [];
    const counts: ImportCounts = {
      added: added.length,
      changed: changed.length,
      unchanged: prices.length - added.length - changed.length,
      removed: removed.length,
    };
    if (dryRun) return counts;
    const written = [...added, ...changed];
    for (let from = 0; from < written.length; from += BATCH) {
      await writePrices(tx, list, written.slice(from, from + BATCH));
      onProgress?.(Math.min(written.length, from + BATCH));
    }
    await tx.query('DELETE FROM price WHERE list = $1 AND prefix = ANY($2)', [list, removed]);
    if (written.length + removed.length === 0) return counts;
    await tx.query('UPDATE price_list SET changed_at = $2 WHERE name = $1', [list, now]);
    const detail = { list, replace, ...counts };
    await audit(tx, actor, { action: 'price list imported', detail }, now);
    return counts;
  });
}

/** Makes a list where there is none, and has others wait. */
async function holdList(tx: Queryable, list: string, now: Date): Promise<void> {
  await tx.query(
    `INSERT INTO price_list (name, created_at, changed_at) VALUES ($1, $2, $2)
     ON CONFLICT (name) DO NOTHING`,
    [list, now],
  );
  await tx.query('SELECT 1 FROM price_list WHERE name = $1 FOR UPDATE', [list]);
}

function isSame(before: Price, after: Price): boolean {
  return (
    toMicros(before.rate) === toMicros(after.rate) &&
    before.name === after.name &&
    before.minimumSeconds === after.minimumSeconds &&
    before.incrementSeconds === after.incrementSeconds
  );
}

async function writePrices(tx: Queryable, list: string, prices: Price[]): Promise<void> {
  await tx.query(
    `INSERT INTO price (list, prefix, name, rate, minimum_seconds, increment_seconds)
     SELECT $1, p.* FROM unnest($2::text[], $3::text[], $4::numeric[], $5::int[], $6::int[]) AS p
     ON CONFLICT (list, prefix) DO UPDATE SET name = excluded.name, rate = excluded.rate,
       minimum_seconds = excluded.minimum_seconds, increment_seconds = excluded.increment_seconds`,
    [
      list,
      prices.map(({ prefix }) => prefix),
      prices.map(({ name }) => name),
      prices.map(({ rate }) => rate),
      prices.map(({ minimumSeconds }) => minimumSeconds),
      prices.map(({ incrementSeconds }) => incrementSeconds),
    ],
  );
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
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'account_price_list') throw error;
    throw new Refusal('conflict', `accounts have the price list ${list}; give them another first`, {
      reason: 'price list in use',
    });
  }
}

/** @returns undefined where there is none */
export async function findPriceList(
  db: Queryable,
  name: string,
): Promise<PriceListRecord | undefined> {
  const [list] = await db.query<PriceListRecord>(
    `SELECT ${SUMMARY}, l.created_at AS "createdAt" FROM price_list l WHERE l.name = $1`,
    [name],
  );
  return list;
}

export function listPriceLists(db: Queryable): Promise<PriceListSummary[]> {
  return db.query<PriceListSummary>(`SELECT ${SUMMARY} FROM price_list l ORDER BY l.name`);
}

const SUMMARY = `l.name, l.changed_at AS "changedAt",
  (SELECT count(*) FROM price p WHERE p.list = l.name) AS prices,
  (SELECT count(*) FROM account a WHERE a.price_list = l.name AND a.closed_at IS NULL) AS accounts`;

/**
 * The prices of a list by prefix.
 * @param page.prefix only those that begin with it
 * @param page.after the last prefix already seen
 * @throws Refusal 'not found'
 */
export async function listPrices(
  db: Queryable,
  list: string,
  { prefix = '', after = '', limit }: { prefix?: string; after?: string; limit: number },
): Promise<Price[]> {
  const found = await db.query('SELECT 1 FROM price_list WHERE name = $1', [list]);
  if (found.length === 0) throw unknownList(list);
  return pricesOf(db, list, { prefix, after, limit });
}

function pricesOf(
  db: Queryable,
  list: string,
  page: { prefix: string; after: string; limit: number | null } = {
    prefix: '',
    after: '',
    limit: null,
  },
): Promise<Price[]> {
  return db.query<Price>(
    `SELECT prefix, name, rate::text, minimum_seconds AS "minimumSeconds",
       increment_seconds AS "incrementSeconds"
     FROM price WHERE list = $1 AND starts_with(prefix, $2) AND prefix > $3 COLLATE "C"
     ORDER BY prefix COLLATE "C" LIMIT $4`,
    [list, page.prefix, page.after, page.limit],
  );
}

/** What an account pays for calls to a number now. */
export interface Rating {
  /** null: the account's own rate counts */
  list: string | null;
  prefix: string | null;
  name: string | null;
  /** dollars per minute */
  rate: Decimal;
  minimumSeconds: number;
  incrementSeconds: number;
  blocked: boolean;
  /** always allowed, and free where no price names exactly the number */
  emergency: boolean;
}

/** @throws Refusal 'not found' */
export async function rateOfCall(
  db: Queryable,
  account: number,
  { called, isEmergency }: { called: string; isEmergency: boolean },
  now: Date,
): Promise<Rating> {
  const [rating] = await db.query<Rating>(
    `SELECT CASE WHEN (d.price).prefix IS NOT NULL THEN ${PRICE_LIST} END AS list, (d.price).prefix,
       (d.price).name,
       ${rateOf('$4::boolean')}::text AS rate,
       coalesce((d.price).minimum_seconds, a.minimum_seconds) AS "minimumSeconds",
       coalesce((d.price).increment_seconds, a.increment_seconds) AS "incrementSeconds",
       ${isBlocked('$2')} AND NOT $4::boolean AS blocked, $4::boolean AS emergency
     FROM account a
       ${joinDestination('$2', '$3', '$4::boolean')}
     WHERE a.username = $1`,
    [account, called, now, isEmergency],
  );
  if (!rating) throw new Refusal('not found', `there is no account ${account}`);
  return rating;
}

function unknownList(list: string): Refusal {
  return new Refusal('not found', `there is no price list ${list}`);
}
