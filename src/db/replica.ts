import type { Database, Queryable } from './database.ts';
import { StoreUnavailable } from './errors.ts';
import type { ListQuestion } from './finder.ts';

/** Reads that may be slightly stale. Never use it to decide about money. */
export interface Reader extends Queryable {
  /** see Database.readList */
  readList: Database['readList'];
  /** see Database.readPage */
  readPage: Database['readPage'];
  /** see Database.findList */
  findList: Database['findList'];
}

const CHECK_EVERY_MS = 1_000;

/**
 * Reads from a replica while it answers and its lag is small, else from the primary. The lag is
 * small if the replica has replayed the primary's log up to a recent moment.
 */
export class Replica implements Reader {
  readonly #primary: Database;
  readonly #replica: Database;
  readonly #mostLagMs: number;
  /** a position in the primary's log, and when it was current */
  #mark: { position: string; atMs: number } | undefined;
  /** the replica has everything that the primary wrote before this time */
  #caughtUpToMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(primary: Database, replica: Database, mostLagMs: number) {
    this.#primary = primary;
    this.#replica = replica;
    this.#mostLagMs = mostLagMs;
    void this.#check();
  }

  get isClose(): boolean {
    return performance.now() - this.#caughtUpToMs < this.#mostLagMs;
  }

  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]> {
    return this.#read((db) => db.query<Row>(text, values));
  }

  readList<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.#read((db) => db.readList<Row>(name, text, values));
  }

  readPage<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.#read((db) => db.readPage<Row>(name, text, values));
  }

  findList<Row extends object>(question: ListQuestion): Promise<Row | undefined> {
    return this.#read((db) => db.findList<Row>(question));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#replica.close();
  }

  async #read<T>(read: (db: Database) => Promise<T>): Promise<T> {
    if (!this.isClose) return read(this.#primary);
    try {
      return await read(this.#replica);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return read(this.#primary);
    }
  }

  async #check(): Promise<void> {
    try {
      this.#mark ??= await this.#markPrimary();
      const [replica] = await this.#replica.query<{ reached: boolean }>(
        'SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS reached',
        [this.#mark.position],
      );
      if (replica?.reached) {
        this.#caughtUpToMs = this.#mark.atMs;
        this.#mark = undefined;
      }
      // A new primary may never reach a position that the lost one had.
      if (this.#mark && performance.now() - this.#mark.atMs > this.#mostLagMs) {
        this.#mark = undefined;
      }
    } catch {
      // Without an answer the lag is unknown, and counts as growing.
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#check(), CHECK_EVERY_MS).unref();
  }

  async #markPrimary(): Promise<{ position: string; atMs: number }> {
    const atMs = performance.now();
    const [row] = await this.#primary.query<{ position: string }>(
      'SELECT pg_current_wal_lsn()::text AS position',
    );
    return { position: row?.position ?? '', atMs };
  }
}
