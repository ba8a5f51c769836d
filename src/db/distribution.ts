import type { Queryable } from './database.ts';

/** The tables that grow with the calls, by the column that says which shard a row is on. */
export const DISTRIBUTED: Record<string, string> = {
  balance: 'account',
  ledger_entry: 'account',
  charge_line: 'account',
  hold: 'billing_account',
  call: 'billing_account',
  call_rating: 'billing_account',
  call_retired: 'billing_account',
  call_sum: 'billing_account',
  call_sum_hour: 'billing_account',
};

/** What rating joins with, on every node; a table comes after those that it refers to. */
export const REFERENCE = [
  'price_list',
  'account',
  'price',
  'number',
  'service',
  'blocked_prefix',
] as const;

/** No server of this database knows Citus. */
export class NotSharding extends Error {}

/**
 * The statements that turn the tables into those of Citus, in their order; what is distributed
 * already is left out. All other tables stay on the node that the service is connected to.
 * @throws NotSharding where the extension is not there
 */
export async function distributionPlan(db: Queryable): Promise<string[]> {
  const [citus] = await db.query<{ found: boolean }>(
    "SELECT to_regclass('pg_dist_partition') IS NOT NULL AS found",
  );
  if (!citus?.found) {
    throw new NotSharding(
      'this database has no Citus; install it on every node and run CREATE EXTENSION citus',
    );
  }
  const rows = await db.query<{ name: string }>(
    'SELECT logicalrelid::regclass::text AS name FROM pg_dist_partition',
  );
  const done = new Set(rows.map(({ name }) => name));
  return statements().flatMap(({ table, sql }) => (done.has(table) ? [] : sql));
}

function statements(): { table: string; sql: string[] }[] {
  const [first = '', ...others] = Object.keys(DISTRIBUTED);
  const distribute = (table: string, colocated: string) => ({
    table,
    sql: [
      ...(BEFORE[table] ?? []),
      `SELECT create_distributed_table('${table}', '${DISTRIBUTED[table]}'${colocated})`,
    ],
  });
  return [
    ...REFERENCE.map((table) => ({
      table,
      sql: [`SELECT create_reference_table('${table}')`],
    })),
    distribute(first, ''),
    ...others.map((table) => distribute(table, `, colocate_with => '${first}'`)),
  ];
}

// What Citus refuses: unique keys without the account, and triggers on distributed tables.
const BEFORE: Record<string, string[]> = {
  ledger_entry: ['DROP TRIGGER append_only ON ledger_entry'],
  charge_line: ['DROP TRIGGER append_only ON charge_line'],
  call: [
    'ALTER TABLE call DROP CONSTRAINT call_identity',
    'CREATE INDEX call_identity ON call (started_at, id)',
  ],
};
