import type { Readable } from 'node:stream';
import type pg from 'pg';
import { Database, type Queryable } from '../../src/db/database.ts';
import { DISTRIBUTED } from '../../src/db/distribution.ts';

const SHARDS = 8;
const SHARD = /^(.*)_shard_(\d+)$/;

/**
 * Makes tables beside the real ones that are hash-partitioned by the column that would distribute
 * them, and fills them. PostgreSQL asks of their unique keys what a sharding one does.
 */
export async function makeShards(db: Queryable): Promise<void> {
  await db.query('CREATE SCHEMA sharded');
  for (const [table, column] of Object.entries(DISTRIBUTED)) {
    await db.query(
      `CREATE TABLE sharded.${table} (LIKE ${table} INCLUDING ALL) PARTITION BY HASH (${column})`,
    );
    for (let shard = 0; shard < SHARDS; shard++) {
      await db.query(
        `CREATE TABLE sharded.${table}_shard_${shard} PARTITION OF sharded.${table}
         FOR VALUES WITH (MODULUS ${SHARDS}, REMAINDER ${shard})`,
      );
    }
    await db.query(
      `INSERT INTO sharded.${table} OVERRIDING SYSTEM VALUE SELECT * FROM public.${table}`,
    );
  }
  // The copy's own sequence begins anew, behind what was copied.
  await db.query('ALTER TABLE sharded.ledger_entry ALTER id RESTART WITH 1000000');
}

/** Works on those tables, and notes which of their parts each statement has looked into. */
export class ShardWatcher extends Database {
  /** by table, the numbers of the parts */
  touched = new Map<string, Set<number>>();

  constructor(connection: pg.ClientConfig) {
    // Tables this small would else be read whole, whatever the statement allows.
    const plans = ['seqscan', 'hashjoin', 'mergejoin'].map((plan) => `-c enable_${plan}=off`);
    const options = `-c search_path=sharded,public ${plans.join(' ')}`;
    super({ connection: { ...connection, options }, poolSize: 2, role: 'command' });
  }

  override async query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]> {
    return this.transaction((tx) => tx.query<Row>(text, values));
  }

  override deliver<Row extends object>(
    _name: string | undefined,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    return this.query<Row>(text, values);
  }

  override read<Row extends object>(
    _name: string,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    return this.query<Row>(text, values);
  }

  override async copyOut(sql: string): Promise<Readable> {
    await this.query(/^COPY \((.*)\) TO STDOUT/s.exec(sql)?.[1] ?? '');
    return super.copyOut(sql);
  }

  override transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return super.transaction((tx) =>
      work({
        query: async <Row extends object>(text: string, values?: unknown[]) => {
          if (/^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)/i.test(text)) {
            await this.#watch(tx, text, values);
          }
          return tx.query<Row>(text, values);
        },
      }),
    );
  }

  async #watch(tx: Queryable, text: string, values: unknown[] | undefined): Promise<void> {
    await tx.query('SAVEPOINT watched');
    const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      values,
    );
    await tx.query('ROLLBACK TO watched');
    if (row) this.#note(row['QUERY PLAN'][0].Plan);
  }

  #note(plan: Plan): void {
    const [, table, shard] = SHARD.exec(plan['Relation Name'] ?? '') ?? [];
    if (table && plan['Actual Loops'] > 0) {
      const shards = this.touched.get(table) ?? new Set();
      this.touched.set(table, shards.add(Number(shard)));
    }
    for (const child of plan.Plans ?? []) this.#note(child);
  }
}

interface Plan {
  'Relation Name'?: string;
  'Actual Loops': number;
  Plans?: Plan[];
}
