import type { Database, Queryable } from '../../db/database.ts';
import { recordEvent } from '../event.ts';
import type { Decimal } from '../money.ts';

/** the most imbalances that an event shows */
const MOST_REPORTED = 20;

/** The sums of a billing account's books. */
export interface AccountBooks {
  account: number;
  cash: Decimal;
  /** sum of its ledger */
  ledger: Decimal;
  /** sum of the cost of its calls */
  calls: Decimal;
  /** the value that cash must have: ledger − calls */
  expected: Decimal;
  /** money held for calls in progress, by the balance */
  held: Decimal;
  /** the value that held must have: the sum of its holds */
  holds: Decimal;
  /** the counted number of calls in progress of its accounts */
  inProgress: number;
  /** the value that inProgress must have: the number of its holds */
  heldCalls: number;
}

export interface Reconciliation {
  /** billing accounts */
  accounts: number;
  calls: number;
  /** accounts with a wrong sum */
  imbalances: AccountBooks[];
}

// call_retired has the cost of the calls of retired months.
const KEPT = "started_at >= coalesce((SELECT kept_from FROM call_retention), '-infinity')";

interface Movement {
  table: string;
  /** the column with the billing account */
  payer: string;
  /** SQL of the sum of the ledger, cost of calls, number of calls, sum of holds, number of holds, counted calls in progress */
  sums: string;
  where?: string;
}

// Everything that changes a balance.
const MOVEMENTS: Movement[] = [
  { table: 'ledger_entry', payer: 'account', sums: 'sum(amount), 0, 0, 0, 0, 0' },
  {
    table: 'call',
    payer: 'billing_account',
    sums: '0, coalesce(sum(amount) FILTER (WHERE debited), 0), count(*), 0, 0, 0',
    where: KEPT,
  },
  { table: 'call_retired', payer: 'billing_account', sums: '0, sum(amount), sum(calls), 0, 0, 0' },
  // A rerated call debited its first price; the ledger has the difference.
  {
    table: 'call_rating',
    payer: 'billing_account',
    sums: '0, sum(amount_before - amount_after), 0, 0, 0, 0',
    where: `applied AND ${KEPT}`,
  },
  { table: 'hold', payer: 'billing_account', sums: '0, 0, 0, sum(amount), count(*), 0' },
  { table: 'calls_in_progress', payer: 'billing_account', sums: '0, 0, 0, 0, 0, sum(calls)' },
];
const TABLES = MOVEMENTS.map(({ table }) => table);
const SUMS = ['ledger', 'calls', 'count', 'holds', 'held_calls', 'in_progress'];

/** The sums of a movement by account. @param from the table, or a part of it */
const movementOf = (
  { table, payer, sums, where = 'true' }: Movement,
  condition: string,
  from = table,
) => `SELECT ${payer}, ${sums} FROM ${from} WHERE ${where} AND ${condition} GROUP BY ${payer}`;

const OF_ACCOUNT = MOVEMENTS.map((movement) =>
  movementOf(movement, `($1::bigint IS NULL OR ${movement.payer} = $1)`),
).join('\n    UNION ALL\n    ');

/** SQL of the books. @param movements SQL of the sums of movements, several for an account */
const booksOf = (movements: string) => `
  SELECT account, round(coalesce(b.cash, 0), 6) AS cash, round(coalesce(m.ledger, 0), 6) AS ledger,
    round(coalesce(m.calls, 0), 6) AS calls, coalesce(m.count, 0) AS count,
    round(coalesce(b.held, 0), 6) AS held, round(coalesce(m.holds, 0), 6) AS holds,
    coalesce(m.in_progress, 0) AS in_progress, coalesce(m.held_calls, 0) AS held_calls
  FROM (SELECT * FROM balance WHERE $1::bigint IS NULL OR account = $1) b
  FULL JOIN (
    SELECT account, ${SUMS.map((name) => `sum(${name}) AS ${name}`)}
    FROM (${movements}) AS movement (account, ${SUMS}) GROUP BY account) m
  USING (account)`;

/**
 * Proves the books of each billing account: cash = sum of its ledger − cost of its calls, held =
 * sum of its holds, and calls in progress = number of its holds. It sees one snapshot, and works
 * while calls come in.
 * @param options.account only this billing account
 * @param options.onProgress gets how many megabytes of the books were read, and how many there are
 */
export async function reconcile(
  db: Database,
  options: { account?: number | undefined; onProgress?: OnProgress } = {},
): Promise<Reconciliation> {
  const { account, onProgress } = options;
  if (account !== undefined) return proofOf(db, OF_ACCOUNT, account);
  return db.transaction(async (tx) => {
    // Months are not dropped while they are read. The snapshot is taken after the locks.
    await tx.query(`LOCK TABLE ${TABLES} IN ACCESS SHARE MODE`);
    await tx.query(
      `CREATE TEMPORARY TABLE movement_sum (account bigint, ${SUMS.map((name) => `${name} numeric`)})
       ON COMMIT DROP`,
    );
    const parts = await partsOf(tx);
    const total = megabytes(parts.reduce((sum, { blocks }) => sum + blocks, 0));
    let done = 0;
    for (const { movement, table, first, blocks } of parts) {
      onProgress?.(megabytes(done), total);
      const range = `${table}.ctid >= '(${first},0)'::tid AND ${table}.ctid < '(${first + blocks},0)'::tid`;
      await tx.query(`INSERT INTO movement_sum ${movementOf(movement, range, table)}`);
      done += blocks;
    }
    onProgress?.(total, total);
    return proofOf(tx, 'SELECT * FROM movement_sum', null);
  }, 'REPEATABLE READ');
}

type OnProgress = (done: number, total: number) => void;

/** A range of blocks of a table. */
interface Part {
  movement: Movement;
  table: string;
  first: number;
  blocks: number;
}

// 64 MB; each is read in its order on the disk.
const PART_BLOCKS = 8_192;

const megabytes = (blocks: number) => Math.ceil((blocks * 8_192) / 1_000_000);

/** Everything that the books consist of, in parts. Rows that come later are not in the snapshot. */
async function partsOf(tx: Queryable): Promise<Part[]> {
  const found = await tx.query<{ root: string; table: string; blocks: number }>(
    `SELECT root, c.oid::regclass::text AS table,
       (pg_relation_size(c.oid) / current_setting('block_size')::int)::int AS blocks
     FROM unnest($1::text[]) WITH ORDINALITY AS r (root, n) JOIN pg_class c ON c.relkind = 'r'
       AND (c.oid = root::regclass
         OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = root::regclass))
     ORDER BY n, c.relname`,
    [TABLES],
  );
  return found.flatMap(({ root, table, blocks }) => {
    const movement = MOVEMENTS.find((one) => one.table === root);
    if (!movement) return [];
    const count = Math.ceil(blocks / PART_BLOCKS);
    return Array.from({ length: count }, (_, n) => {
      const first = n * PART_BLOCKS;
      return { movement, table, first, blocks: Math.min(PART_BLOCKS, blocks - first) };
    });
  });
}

async function proofOf(
  db: Queryable,
  movements: string,
  account: number | null,
): Promise<Reconciliation> {
  const [row] = await db.query<Reconciliation>(
    `WITH books AS (${booksOf(movements)})
     SELECT count(*)::int AS accounts, coalesce(sum(count), 0)::bigint AS calls,
       coalesce(json_agg(json_build_object('account', account, 'cash', cash::text,
         'ledger', ledger::text, 'calls', calls::text, 'expected', (ledger - calls)::text,
         'held', held::text, 'holds', holds::text, 'inProgress', in_progress,
         'heldCalls', held_calls)
         ORDER BY account) FILTER (WHERE cash <> ledger - calls
           OR held <> holds OR in_progress <> held_calls), '[]') AS imbalances
     FROM books`,
    [account],
  );
  return row ?? { accounts: 0, calls: 0, imbalances: [] };
}

/** The sums of all balances, and of the ledger. */
export async function bookTotals(db: Queryable): Promise<{ cash: Decimal; ledger: Decimal }> {
  const [row] = await db.query<{ cash: Decimal; ledger: Decimal }>(
    `SELECT (SELECT coalesce(sum(cash), 0)::text FROM balance) AS cash,
       (SELECT coalesce(sum(amount), 0)::text FROM ledger_entry) AS ledger`,
  );
  return row ?? { cash: '0', ledger: '0' };
}

/** Records the event of a reconciliation that found wrong sums. */
export async function reportImbalances(
  db: Queryable,
  imbalances: AccountBooks[],
  now: Date,
): Promise<void> {
  if (imbalances.length === 0) return;
  const shown = imbalances.slice(0, MOST_REPORTED);
  const data = {
    imbalances: shown.map(({ account, ...sums }) => ({ account: String(account), ...sums })),
    count: imbalances.length,
  };
  await recordEvent(db, { type: 'books.imbalance', data }, now);
}

/**
 * The books of billing accounts, ordered by account.
 * @param page.after the last account already seen
 */
export function listBooks(
  db: Queryable,
  { account, after, limit }: { account?: number | undefined; after: number; limit: number },
): Promise<AccountBooks[]> {
  return db.query<AccountBooks>(
    `SELECT account, cash::text, ledger::text, calls::text, (ledger - calls)::text AS expected,
       held::text, holds::text, in_progress::int AS "inProgress", held_calls::int AS "heldCalls"
     FROM (${booksOf(OF_ACCOUNT)}) AS books WHERE account > $2 ORDER BY account LIMIT $3`,
    [account ?? null, after, limit],
  );
}
