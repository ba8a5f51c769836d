import type { Queryable } from '../../db/database.ts';
import type { Price } from './price-csv.ts';

/** A price with the time in which it is valid, in milliseconds since 1970; ±Infinity if it has no end. */
export interface Version extends Price {
  fromMs: number;
  untilMs: number;
}

/** The versions of all prices of a list, by prefix and then by beginning. */
export function versionsOf(tx: Queryable, list: string): Promise<Version[]> {
  return tx.query<Version>(
    `SELECT prefix, name, rate::text, minimum_seconds AS "minimumSeconds",
       increment_seconds AS "incrementSeconds", connect_fee::text AS "connectFee",
       minimum_charge::text AS "minimumCharge", NULL AS "validFrom",
       (extract(epoch FROM valid_from) * 1000)::float8 AS "fromMs",
       (extract(epoch FROM valid_until) * 1000)::float8 AS "untilMs"
     FROM price WHERE list = $1 ORDER BY prefix COLLATE "C", valid_from`,
    [list],
  );
}

/** Stores versions; one that begins with a stored one takes its place. */
export async function writeVersions(
  tx: Queryable,
  list: string,
  versions: Version[],
): Promise<void> {
  // One file may end a version and correct it: the last state counts.
  const last = [...new Map(versions.map((row) => [`${row.prefix} ${row.fromMs}`, row])).values()];
  await tx.query(
    `INSERT INTO price (list, prefix, name, rate, minimum_seconds, increment_seconds, connect_fee,
       minimum_charge, valid_from, valid_until)
     SELECT $1, p.* FROM unnest($2::text[], $3::text[], $4::numeric[], $5::int[], $6::int[],
       $7::numeric[], $8::numeric[], $9::timestamptz[], $10::timestamptz[]) AS p
     ON CONFLICT (list, prefix, valid_from) DO UPDATE SET name = excluded.name,
       rate = excluded.rate, minimum_seconds = excluded.minimum_seconds,
       increment_seconds = excluded.increment_seconds, connect_fee = excluded.connect_fee,
       minimum_charge = excluded.minimum_charge, valid_until = excluded.valid_until`,
    [
      list,
      last.map(({ prefix }) => prefix),
      last.map(({ name }) => name),
      last.map(({ rate }) => rate),
      last.map(({ minimumSeconds }) => minimumSeconds),
      last.map(({ incrementSeconds }) => incrementSeconds),
      last.map(({ connectFee }) => connectFee),
      last.map(({ minimumCharge }) => minimumCharge),
      last.map(({ fromMs }) => momentText(fromMs)),
      last.map(({ untilMs }) => momentText(untilMs)),
    ],
  );
}

/** Removes versions of a list, as if they had never been valid. */
export async function removeVersions(
  tx: Queryable,
  list: string,
  versions: Version[],
): Promise<void> {
  await tx.query(
    `DELETE FROM price p USING unnest($2::text[], $3::timestamptz[]) AS v (prefix, valid_from)
     WHERE p.list = $1 AND p.prefix = v.prefix AND p.valid_from = v.valid_from`,
    [list, versions.map(({ prefix }) => prefix), versions.map(({ fromMs }) => momentText(fromMs))],
  );
}

function momentText(ms: number): string {
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  return ms < 0 ? '-infinity' : 'infinity';
}

/** Removes versions that ended before the first kept call. */
export async function deleteEndedPrices(db: Queryable): Promise<void> {
  await db.query(
    `DELETE FROM price WHERE valid_until < (SELECT kept_from FROM call_retention)
       AND valid_until < 'infinity'`,
  );
}
