import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';
import { toMicros } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { Slice } from '../slice.ts';
import type { Price } from './price-csv.ts';
import { removeVersions, type Version, versionsOf, writeVersions } from './price-versions.ts';

const BATCH = 2_000;
const USUAL_NOTICE_MS = 7 * 86_400_000;
const MINUTE_MS = 60_000;

export interface ImportCounts {
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
  /** if a date is given: rates that rise in fewer than seven days, the usual notice */
  raisedSoon: number;
}

export interface ImportOptions {
  now: Date;
  /**
   * The new prices count for calls that start from then on. Left out: the prices valid now are
   * corrected, also for earlier calls.
   */
  from?: Date | undefined;
  /** `from` may be in the past; `rerate` can then change stored calls */
  backdate?: boolean;
  /** the list's time zone for dates without a zone, from now on; left out: it does not change */
  timeZone?: string | undefined;
  /** prices that are not in the file end; without a date they are removed */
  replace: boolean;
  /** only count, change nothing */
  dryRun: boolean;
  onProgress?: (done: number) => void;
  /** checks the locked list; if it throws, nothing changes */
  precondition?: (tx: Queryable) => Promise<void>;
}

/** What an import does to a list. */
interface Plan {
  counts: ImportCounts;
  /** new versions, and versions with a change (never of the beginning) */
  written: Version[];
  removed: Version[];
}

/**
 * Imports prices into a list: all or none. A missing list is created. Calls rated meanwhile use the
 * old prices.
 * @throws Refusal 'malformed' where no prices are given to replace the list's, and for a past date
 *   without `backdate`
 */
export async function importPrices(
  db: Database,
  actor: Actor,
  list: string,
  prices: Price[],
  options: ImportOptions,
): Promise<ImportCounts> {
  const { now, from, replace, dryRun, timeZone = null, onProgress, precondition } = options;
  if (replace && prices.length === 0) {
    throw new Refusal('malformed', 'there is no price to replace the list with', {
      problem: { key: 'noPrices' },
    });
  }
  return db.transaction(async (tx) => {
    // Another import into the same list waits here.
    if (!dryRun) await holdList(tx, list, timeZone, now);
    await precondition?.(tx);
    const starts = await startsOf(tx, list, prices, timeZone);
    const { counts, written, removed } = await planImport(
      await versionsOf(tx, list),
      prices.map((price) => ({
        price,
        start: starts.get(price.validFrom ?? '') ?? from?.getTime(),
      })),
      options,
    );
    if (dryRun) return counts;
    for (let done = 0; done < removed.length; done += BATCH) {
      await removeVersions(tx, list, removed.slice(done, done + BATCH));
    }
    for (let done = 0; done < written.length; done += BATCH) {
      await writeVersions(tx, list, written.slice(done, done + BATCH));
      onProgress?.(Math.min(written.length, done + BATCH));
    }
    if (written.length + removed.length === 0) return counts;
    await tx.query('UPDATE price_list SET changed_at = $2 WHERE name = $1', [list, now]);
    const detail = { list, replace, ...(from ? { from } : {}), ...counts };
    await audit(tx, actor, { action: 'price list imported', detail }, now);
    await recordEvent(tx, { type: 'price_list.changed', data: detail }, now);
    return counts;
  });
}

/** Creates the list if it is missing, and locks it. */
async function holdList(
  tx: Queryable,
  list: string,
  timeZone: string | null,
  now: Date,
): Promise<void> {
  await tx.query(
    `INSERT INTO price_list (name, created_at, changed_at) VALUES ($1, $2, $2)
     ON CONFLICT (name) DO NOTHING`,
    [list, now],
  );
  await tx.query('SELECT 1 FROM price_list WHERE name = $1 FOR UPDATE', [list]);
  if (timeZone === null) return;
  await tx.query('UPDATE price_list SET time_zone = $2 WHERE name = $1', [list, timeZone]);
}

async function planImport(
  versions: Version[],
  given: { price: Price; start: number | undefined }[],
  { now, from, backdate = false, replace }: ImportOptions,
): Promise<Plan> {
  const nowMs = now.getTime();
  const slice = new Slice();
  const plan: Plan = {
    counts: { added: 0, changed: 0, unchanged: 0, removed: 0, raisedSoon: 0 },
    written: [],
    removed: [],
  };
  const ofPrefix = new Map<string, Version[]>();
  for (const version of versions) {
    if (slice.isOver) await slice.next();
    const known = ofPrefix.get(version.prefix);
    if (known) known.push(version);
    else ofPrefix.set(version.prefix, [version]);
  }
  const prefixes = new Set<string>();
  // A file tells texts of dates apart; two of them may be one moment.
  const starts = given.some(({ price }) => price.validFrom !== null)
    ? new Set<string>()
    : undefined;
  for (const { price, start } of given) {
    if (slice.isOver) await slice.next();
    if (start !== undefined) requireOnce(starts, price.prefix, start);
    if (start !== undefined && start < nowMs - MINUTE_MS && !backdate) {
      const at = new Date(start).toISOString();
      throw new Refusal(
        'malformed',
        `${price.prefix} would count from ${at}, which is past: add --backdate where calls that are stored may be priced again`,
        { problem: { key: 'pricePast', prefix: price.prefix, at } },
      );
    }
    if (start !== undefined && replace && !from && price.validFrom !== null) {
      throw new Refusal(
        'malformed',
        'lines have dates of their own: say with --from when the prices end that the file does not have',
        { problem: { key: 'priceEndUnknown' } },
      );
    }
    prefixes.add(price.prefix);
    const known = ofPrefix.get(price.prefix) ?? [];
    ofPrefix.set(price.prefix, known);
    putPrice(plan, known, price, start, nowMs);
  }
  if (!replace) return plan;
  const end = from?.getTime() ?? nowMs;
  for (const [prefix, known] of ofPrefix) {
    if (slice.isOver) await slice.next();
    const current = prefixes.has(prefix)
      ? undefined
      : known.find((version) => covers(version, end));
    if (!current) continue;
    plan.counts.removed++;
    if (from && current.fromMs < end) plan.written.push({ ...current, untilMs: end });
    else plan.removed.push(current);
  }
  return plan;
}

/** @throws Refusal for a second price of a prefix from the same moment on */
function requireOnce(starts: Set<string> | undefined, prefix: string, start: number): void {
  const key = `${prefix} ${start}`;
  if (starts?.has(key)) {
    const at = new Date(start).toISOString();
    throw new Refusal('malformed', `${prefix} has two prices from ${at} on`, {
      problem: { key: 'priceTwice', prefix, at },
    });
  }
  starts?.add(key);
}

/** @param known the prefix's versions in the order of their beginning; the new one is added */
function putPrice(
  { counts, written }: Plan,
  known: Version[],
  price: Price,
  start: number | undefined,
  nowMs: number,
): void {
  const at = start ?? nowMs;
  const current = known.find((version) => covers(version, at));
  if (current && isSame(current, price)) {
    counts.unchanged++;
    return;
  }
  const rises = !current || toMicros(price.rate) > toMicros(current.rate);
  if (start !== undefined && rises && at < nowMs + USUAL_NOTICE_MS) counts.raisedSoon++;
  counts[current ? 'changed' : 'added']++;
  if (current && (start === undefined || current.fromMs === start)) {
    Object.assign(current, price);
    written.push(current);
    return;
  }
  const ended = known.filter(({ untilMs }) => untilMs <= at).map(({ untilMs }) => untilMs);
  const later = known.filter(({ fromMs }) => fromMs > at).map(({ fromMs }) => fromMs);
  const next: Version = {
    ...price,
    fromMs: start ?? Math.max(-Infinity, ...ended),
    untilMs: current?.untilMs ?? Math.min(Infinity, ...later),
  };
  if (current) {
    current.untilMs = at;
    written.push(current);
  }
  known.push(next);
  known.sort((a, b) => a.fromMs - b.fromMs);
  written.push(next);
}

const covers = ({ fromMs, untilMs }: Version, ms: number) => fromMs <= ms && ms < untilMs;

function isSame(before: Price, after: Price): boolean {
  return (
    toMicros(before.rate) === toMicros(after.rate) &&
    before.name === after.name &&
    before.minimumSeconds === after.minimumSeconds &&
    before.incrementSeconds === after.incrementSeconds &&
    toMicros(before.connectFee) === toMicros(after.connectFee) &&
    toMicros(before.minimumCharge) === toMicros(after.minimumCharge)
  );
}

/** The moments of a file's dates, in milliseconds, by the dates' texts. */
async function startsOf(
  tx: Queryable,
  list: string,
  prices: Price[],
  timeZone: string | null,
): Promise<Map<string, number>> {
  const texts = [...new Set(prices.flatMap(({ validFrom }) => validFrom ?? []))];
  if (texts.length === 0) return new Map();
  const rows = await tx.query<{ text: string; ms: number }>(
    `SELECT text, (extract(epoch FROM CASE WHEN text ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$' AND text ~ 'T'
         THEN text::timestamptz ELSE text::timestamp AT TIME ZONE z.name END) * 1000)::float8 AS ms
     FROM unnest($1::text[]) AS text, (SELECT coalesce($3::text,
       (SELECT time_zone FROM price_list WHERE name = $2), 'UTC') AS name) AS z`,
    [texts, list, timeZone],
  );
  return new Map(rows.map(({ text, ms }) => [text, ms]));
}
