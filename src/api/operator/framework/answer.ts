import { hash } from 'node:crypto';
import type { Queryable } from '../../../db/database.ts';
import { billingAccountOf } from '../../../domain/account/account-search.ts';
import { Refusal } from '../../../domain/refusal.ts';
import { Problem } from './problem.ts';
import { type Answered, BASE } from './route.ts';

/** A success with a body. */
export const ok = (body: unknown, headers: Record<string, string> = {}): Answered => ({
  status: 200,
  body,
  headers,
});

/** @param path below BASE */
export const created = (
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Answered => ({
  status: 201,
  body,
  headers: { location: BASE + path, ...headers },
});

export const removed: Answered = { status: 204 };

/** @throws Problem 404 for an account that none of these billing accounts pays for */
export async function requireReach(db: Queryable, reach: number[], username: number) {
  const found = await billingAccountOf(db, username);
  if (found && reach.includes(found.billingAccount)) return;
  throw new Problem(404, 'not_found', `There is no account ${username}`);
}

/** An ETag of settings; it changes if one of them changes. */
export function etagOf(settings: object): string {
  return `"${hash('sha256', JSON.stringify(settings), 'base64url').slice(0, 22)}"`;
}

/** Adds the ETag to settings, in a list and in a single answer. */
export function tagged<T extends object>(settings: T): T & { etag: string } {
  return { ...settings, etag: etagOf(settings) };
}

/** A single answer, with the ETag also in the header. */
export const okTagged = <T extends { etag: string }>(body: T) => ok(body, { etag: body.etag });

/**
 * Checks If-Match against the present ETag.
 * @throws Problem 412 with the present ETag
 */
export function requireMatch(headers: Record<string, unknown>, etag: string): void {
  const given = headers['if-match'];
  if (given === undefined) return;
  const tags = String(given)
    .split(',')
    .map((tag) => tag.trim());
  if (tags.includes('*') || tags.includes(etag)) return;
  throw new Problem(412, 'precondition_failed', 'If-Match does not fit', { headers: { etag } });
}

interface Listing {
  query: { limit?: number | undefined };
  cursor: (position: unknown[]) => string;
  address: string;
}

/** How many rows a list reads: one more than a page, which shows whether there is a next page. */
export const rowsOf = ({ query }: Listing) => (query.limit ?? 50) + 1;

/**
 * A page of a list.
 * @param rows one more than a page if there is a next page
 * @param position returns the position of a row, after which the next page begins
 */
export function page<Row>(
  call: Listing,
  rows: Row[],
  position: (row: Row) => unknown[],
  shown: (row: Row) => unknown = (row) => row,
): Answered {
  const limit = call.query.limit ?? 50;
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const next = last === undefined ? null : call.cursor(position(last));
  return pageTo(call, rows.slice(0, limit).map(shown), next);
}

/**
 * A page of a short list, which is read whole.
 * @param keyOf returns the name of an item, which gives the order
 */
export function pageOfAll<Item>(
  call: Listing & { after: unknown[] | undefined },
  items: Item[],
  keyOf: (item: Item) => string,
  shown: (item: Item) => unknown = (item) => item,
): Answered {
  const after = (call.after?.[0] as string | undefined) ?? '';
  const rows = items
    .map((item) => ({ key: keyOf(item), item }))
    .filter(({ key }) => key > after)
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .slice(0, rowsOf(call));
  return page(
    call,
    rows,
    ({ key }) => [key],
    ({ item }) => shown(item),
  );
}

function pageTo({ address }: Listing, data: unknown[], next: string | null): Answered {
  const join = address.includes('?') ? '&' : '?';
  const link: Record<string, string> =
    next === null ? {} : { link: `<${address}${join}cursor=${next}>; rel="next"` };
  return ok({ data, next }, link);
}

/** The values without undefined members, as the domain expects them. */
export function given<T extends object>(values: T): T & { name: string; email: string } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T & { name: string; email: string };
}

/** Ignores 'not found' of a removal, because the item is already removed. */
export function unlessGone(error: unknown): void {
  if (!(error instanceof Refusal) || error.code !== 'not found') throw error;
}
