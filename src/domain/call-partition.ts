import type { Database } from '../db/database.ts';

// Any number that nothing else locks on: partitions are made by one session at a time.
const PARTITION_LOCK = 8_008_786_160;

/** Makes the monthly partitions (UTC) of these moments where they are missing. */
export async function ensurePartitions(db: Database, moments: Date[]): Promise<void> {
  const months = new Set(moments.map((moment) => moment.toISOString().slice(0, 7)));
  await db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
    for (const month of [...months].sort()) {
      const table = `call_${month.replace('-', '_')}`;
      const [found] = await tx.query<{ exists: boolean }>(
        'SELECT to_regclass($1) IS NOT NULL AS exists',
        [table],
      );
      if (found?.exists) continue;
      const [from, to] = [monthStart(month, 0), monthStart(month, 1)];
      // Attaching a finished table does not stop the readers and writers of the others.
      await tx.query(`CREATE TABLE ${table} (LIKE call INCLUDING ALL)`);
      await tx.query(
        `ALTER TABLE call ATTACH PARTITION ${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
      );
    }
  });
}

/** Makes the partitions of the month of `now`, the one before and two ahead. */
export function ensureCurrentPartitions(db: Database, now: Date): Promise<void> {
  const at = (months: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));
  return ensurePartitions(db, [-1, 0, 1, 2].map(at));
}

function monthStart(month: string, later: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + later, 1)).toISOString();
}
