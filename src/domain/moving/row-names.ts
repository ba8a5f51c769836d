import type { Database, Queryable } from '../../db/database.ts';
import type { Keyring } from '../sealing/keyring.ts';

const AT_ONCE = 1_000;

// A look into the index for each name; a join may read the names of all rows.
const FIRST_LINE = '(SELECT i.line FROM import_name i WHERE i.run = $1 AND i.name = g.name)';

/** What a row of a file is called. */
export interface RowName {
  name: string;
  line: number;
}

/**
 * The names of all rows of a file. They are kept in the database, so memory does not grow with the
 * file, and as digests, because a SIP secret is a name, too.
 */
export class RowNames {
  readonly #db: Database;
  readonly #keyring: Keyring;
  readonly #run: string;
  #waiting: RowName[] = [];

  /** @param run id of the import */
  constructor(db: Database, keyring: Keyring, run: string) {
    this.#db = db;
    this.#keyring = keyring;
    this.#run = run;
  }

  /** Notes names, in the order of the file. @returns how many an earlier row has, of some */
  async note(names: RowName[]): Promise<number> {
    this.#waiting.push(...names);
    return this.#waiting.length < AT_ONCE ? 0 : this.flush();
  }

  /**
   * Stores what is noted, unless the import has ended meanwhile.
   * @returns how many of these names an earlier row has
   */
  async flush(): Promise<number> {
    const noted = this.#waiting;
    this.#waiting = [];
    const [row] = await this.#db.query<{ count: number }>(
      `WITH run AS (
         SELECT id FROM import_run WHERE id = $1 AND status = 'open' FOR SHARE
       ), given AS (
         SELECT name, line FROM unnest($2::uuid[], $3::bigint[]) AS g (name, line)
       ), added AS (
         INSERT INTO import_name (run, name, line)
         SELECT run.id, name, min(given.line) FROM given, run GROUP BY run.id, name
         ON CONFLICT DO NOTHING RETURNING name, line
       )
       SELECT count(*)::int AS count FROM given g LEFT JOIN added a ON a.name = g.name
       WHERE coalesce(a.line, ${FIRST_LINE}) < g.line`,
      [this.#run, noted.map(({ name }) => this.#digest(name)), noted.map(({ line }) => line)],
    );
    return row?.count ?? 0;
  }

  /** The first line that has each of some names; names of no row are left out. */
  async firstLines(db: Queryable, names: string[]): Promise<Map<string, number>> {
    if (names.length === 0) return new Map();
    const digests = new Map(names.map((name) => [this.#digest(name), name]));
    const rows = await db.query<{ digest: string; line: number }>(
      `SELECT * FROM (
         SELECT replace(g.name::text, '-', '') AS digest, ${FIRST_LINE} AS line
         FROM unnest($2::uuid[]) AS g (name)) AS f
       WHERE line IS NOT NULL`,
      [this.#run, [...digests.keys()]],
    );
    return new Map(rows.map(({ digest, line }) => [digests.get(digest) as string, line]));
  }

  #digest(name: string): string {
    return this.#keyring.digest(`${this.#run} ${name}`).toString('hex', 0, 16);
  }
}

/** Forgets the names of an import that has ended. */
export async function forgetNames(tx: Queryable, run: string): Promise<void> {
  await tx.query('DELETE FROM import_name WHERE run = $1', [run]);
}
