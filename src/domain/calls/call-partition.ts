import type { Database, Queryable } from '../../db/database.ts';
import { StoreUnavailable, violatedConstraint } from '../../db/errors.ts';
import { LOCKS, takeLock } from '../locks.ts';

const RETIRED = 'call_month_is_retired';

/** Makes a retired month's partition refuse new calls. Existing rows are not checked. */
export const REFUSE_CALLS = `CONSTRAINT ${RETIRED} CHECK (false) NOT VALID`;

/** A month of calls (UTC). */
export interface Partition {
  table: string;
  /** such as `2030-01` */
  month: string;
  from: Date;
  /** the first moment after it */
  to: Date;
  /** detaching began and was interrupted */
  pending: boolean;
  /** detached and not yet dropped */
  detached: boolean;
}

/** Stops other sessions from creating or retiring partitions until the transaction ends. */
export async function holdPartitions(tx: Queryable): Promise<void> {
  await takeLock(tx, LOCKS.callPartitions);
}

/**
 * Creates the missing monthly partitions (UTC) for these moments.
 * @throws StoreUnavailable for a month that was retired meanwhile
 */
export async function ensurePartitions(db: Database, moments: Date[]): Promise<void> {
  const months = new Set(moments.map((moment) => moment.toISOString().slice(0, 7)));
  await db.transaction(async (tx) => {
    await holdPartitions(tx);
    for (const month of [...months].sort()) {
      const { table, from, to } = partitionOf(month);
      const [found] = await tx.query<{ exists: boolean; retired: boolean }>(
        `SELECT to_regclass($1) IS NOT NULL AS exists,
           EXISTS (SELECT FROM call_retention WHERE kept_from >= $2) AS retired`,
        [table, to],
      );
      if (found?.retired) throw new StoreUnavailable(new Error(`${month} is retired`));
      if (found?.exists) continue;
      // Attaching a finished table does not block readers and writers of other partitions.
      await tx.query(`CREATE TABLE ${table} (LIKE call INCLUDING ALL)`);
      await tx.query(
        `ALTER TABLE call ATTACH PARTITION ${table}
         FOR VALUES FROM ('${from.toISOString()}') TO ('${to.toISOString()}')`,
      );
    }
  });
}

/** Creates the partitions of the current month, the previous one and the next two. */
export async function ensureCurrentPartitions(db: Database, now: Date): Promise<void> {
  const keptFrom = await callsKeptFrom(db);
  const at = (months: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
  const moments = [-1, 0, 1, 2].map(at).filter((moment) => !keptFrom || moment >= keptFrom);
  await ensurePartitions(db, moments);
}

/** The first moment whose calls are not retired; undefined while none are. */
export async function callsKeptFrom(db: Queryable): Promise<Date | undefined> {
  const [row] = await db.query<{ keptFrom: Date }>(
    'SELECT kept_from AS "keptFrom" FROM call_retention',
  );
  return row?.keptFrom;
}

/** Whether a call was refused because its month was retired meanwhile. */
export function isRetiredMonth(error: unknown): boolean {
  return violatedConstraint(error) === RETIRED;
}

/** The existing partitions, oldest first. */
export async function listPartitions(
  db: Queryable,
  which: 'attached' | 'with detached' = 'attached',
): Promise<Partition[]> {
  const rows = await db.query<{ table: string; pending: boolean; detached: boolean }>(
    `SELECT c.relname AS table, coalesce(i.inhdetachpending, false) AS pending,
       i.inhrelid IS NULL AS detached
     FROM pg_class c LEFT JOIN pg_inherits i
       ON i.inhrelid = c.oid AND i.inhparent = 'call'::regclass
     WHERE c.relkind = 'r' AND c.relname ~ '^call_[0-9]{4}_[0-9]{2}$'
       AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'call'::regclass)
       AND (i.inhrelid IS NOT NULL OR $1)
     ORDER BY c.relname`,
    [which === 'with detached'],
  );
  return rows.map(({ table, ...state }) => ({
    ...partitionOf(table.slice('call_'.length).replace('_', '-')),
    ...state,
  }));
}

/**
 * Drops a partition without blocking readers and writers of the others. It is detached first, which
 * waits for its own readers. Each step may be interrupted.
 */
export async function removePartition(
  db: Queryable,
  { table, pending, detached }: Partition,
): Promise<void> {
  if (!detached) {
    const how = pending ? 'FINALIZE' : 'CONCURRENTLY';
    await db.query(`ALTER TABLE call DETACH PARTITION ${table} ${how}`);
  }
  await db.query(`DROP TABLE IF EXISTS ${table}`);
}

function monthStart(month: string, later = 0): Date {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + later, 1));
}

/** @param month such as `2030-01` */
function partitionOf(month: string): Pick<Partition, 'table' | 'month' | 'from' | 'to'> {
  const table = `call_${month.replace('-', '_')}`;
  return { table, month, from: monthStart(month), to: monthStart(month, 1) };
}
