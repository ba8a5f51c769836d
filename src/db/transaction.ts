import type pg from 'pg';
import { doubted, StoreUnavailable, translate } from './errors.ts';

type Guard = <T>(start: () => Promise<T>) => Promise<T>;

/** A transaction with its own connection, which is released at its end. */
export class OpenTransaction {
  readonly #client: pg.PoolClient;
  readonly #guard: Guard;
  readonly #afterwards: (() => void)[] = [];

  constructor(client: pg.PoolClient, guard: Guard) {
    this.#client = client;
    this.#guard = guard;
  }

  async query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#run<Row>(text, values)).rows;
  }

  afterCommit(work: () => void): void {
    this.#afterwards.push(work);
  }

  /** If it throws, `rollBack` must end the transaction. */
  async commit(): Promise<void> {
    const { command } = await this.#run('COMMIT').catch((error) => {
      throw doubted(error);
    });
    // PostgreSQL answers ROLLBACK where a statement failed and the work continued.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back, not committed');
    this.#client.release();
    for (const work of this.#afterwards) work();
  }

  /** @param cause the error that was thrown in the transaction */
  async rollBack(cause: unknown): Promise<void> {
    let broken: Error | undefined;
    // A silent server would not answer ROLLBACK either; closing the connection has the same effect.
    if (translate(cause) instanceof StoreUnavailable) broken = cause as Error;
    else await this.#run('ROLLBACK').catch((failure: Error) => (broken = failure));
    this.#client.release(broken);
  }

  #run<Row extends object>(text: string, values: unknown[] = []): Promise<pg.QueryResult<Row>> {
    return this.#guard(() => this.#client.query<Row>(text, values));
  }
}
