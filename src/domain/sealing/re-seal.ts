import type { Database } from '../../db/database.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import { describeFileKeys, type Keyring, versionPrefix } from './keyring.ts';

/** A column of sealed secrets, one in each row. */
export interface SealedColumn {
  table: string;
  /** the column with the row's number, such as an account's username */
  id: string;
  column: string;
  /** the column that counts the row's secrets, or an SQL expression */
  version: string;
  /** the context in which a secret is sealed */
  context: (id: number, version: number) => string;
  /** what the secret belongs to, such as `account 2345678901` */
  name: (id: number) => string;
  /** rows that are read at once, if they are large */
  page?: number;
}

export interface ReSealed {
  /** number of secrets that are sealed under the newest key now */
  sealed: number;
  /** names of the owners of secrets that cannot be opened; these stay unchanged */
  damaged: string[];
}

const PAGE = 500;

/** How many of the column's secrets are sealed under an older key. */
export async function countOldSeals(db: Database, column: SealedColumn): Promise<number> {
  const { sealVersion } = await describeFileKeys(db);
  const [row] = await db.query<{ count: number }>(
    `SELECT count(*) AS count FROM ${column.table}
     WHERE substring(${column.column} FOR 2) <> $1`,
    [versionPrefix(sealVersion)],
  );
  return row?.count ?? 0;
}

/**
 * Seals the column's secrets under the newest key, page by page, while other transactions read and
 * replace them. It may be interrupted at any time and started again.
 */
export async function reSeal(
  db: Database,
  keyring: Keyring,
  column: SealedColumn,
  onProgress: (done: number) => void,
): Promise<ReSealed> {
  const result: ReSealed = { sealed: 0, damaged: [] };
  const { sealVersion } = await describeFileKeys(db);
  for (let after = 0; ; ) {
    const page = await db.query<Row>(
      `SELECT ${column.id} AS id, ${column.column} AS sealed,
         ${column.version} AS version
       FROM ${column.table}
       WHERE ${column.id} > $1 AND substring(${column.column} FOR 2) <> $2
       ORDER BY ${column.id} LIMIT ${column.page ?? PAGE}`,
      [after, versionPrefix(sealVersion)],
    );
    const last = page.at(-1);
    if (!last) return result;
    const opened = await openPage(db, keyring, column, page);
    await replacePage(db, keyring, column, opened);
    const good = new Set(opened.map(({ id }) => id));
    const damaged = page.filter(({ id }) => !good.has(id));
    result.damaged.push(...damaged.map(({ id }) => column.name(id)));
    result.sealed += opened.length;
    onProgress(result.sealed + result.damaged.length);
    after = last.id;
  }
}

interface Row {
  id: number;
  sealed: Buffer;
  version: number;
}

async function openPage(db: Database, keyring: Keyring, { context }: SealedColumn, page: Row[]) {
  const opened: (Row & { secret: string })[] = [];
  for (const row of page) {
    const { id, version } = row;
    try {
      const secret = await keyring.open(db, row.sealed, context(id, version));
      opened.push({ ...row, secret });
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
    }
  }
  return opened;
}

/** Reseals one page. A secret that was replaced since it was read is not overwritten. */
async function replacePage(
  db: Database,
  keyring: Keyring,
  { table, id: idColumn, column, context }: SealedColumn,
  rows: (Row & { secret: string })[],
): Promise<void> {
  await db.transaction(async (tx) => {
    const { seal } = await keyring.sealer(tx);
    await tx.query(
      `UPDATE ${table} t SET ${column} = n.after
       FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS n (id, before, after)
       WHERE t.${idColumn} = n.id AND t.${column} = n.before`,
      [
        rows.map(({ id }) => id),
        rows.map(({ sealed }) => sealed),
        rows.map(({ id, version, secret }) => seal(secret, context(id, version))),
      ],
    );
  });
}
