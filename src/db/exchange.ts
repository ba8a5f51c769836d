import type pg from 'pg';
import { doubted, leavesConnection } from './errors.ts';
import { writeTogether } from './pipelined-reader.ts';

const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

/**
 * Sends a statement of a transaction without waiting for the answers to those before it.
 * @param name of the prepared statement; a name always stands for the same text
 */
export type Send = <Row extends object>(
  name: string,
  text: string,
  values: unknown[],
) => Promise<Row[]>;

/** The statements of an exchange; `changed` is false where nothing needs to be committed. */
export type ExchangeWork<T> = (send: Send) => Promise<{ result: T; changed: boolean }>;

export interface ExchangeOptions {
  /**
   * such as `lock_timeout`; all exchanges that are not patient use the same settings and
   * connections
   */
  settings: Record<string, string>;
  /** true: it may wait for locks as long as other statements, and also for a connection */
  patient: boolean;
  /**
   * true: `work` sends one statement, which commits by itself and saves the begin and end. It is
   * repeated even if it may have been committed, so it must have the same result again.
   */
  single?: boolean;
}

/** A pool's client, with what the pool's types leave out. */
export type TakenClient = pg.PoolClient & pg.Client;

interface Connections {
  prepares: boolean;
  /** a connection for an exchange, which releases it */
  take: (patient: boolean) => Promise<pg.PoolClient>;
  guard: <T>(start: () => Promise<T>) => Promise<T>;
}

/** Runs exchanges, as `Database.exchange` describes, but does not repeat them. */
export class Exchanges {
  readonly #connections: Connections;
  /** connections that already have the settings */
  readonly #set = new WeakSet<pg.Client>();

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async run<T>(options: ExchangeOptions, work: ExchangeWork<T>): Promise<T> {
    const { settings, patient, single = false } = options;
    // A pooler gives the session to another client after each transaction.
    const isOfSession = !patient && this.#connections.prepares;
    const set = Object.entries(settings)
      .map(([name, value]) => `SET ${isOfSession ? 'SESSION' : 'LOCAL'} ${name} = ${value}`)
      .join('; ');
    const client = (await this.#connections.take(patient)) as TakenClient;
    if (!isOfSession) return this.#attempt(client, [`${BEGIN}; ${set}`], work, false);
    const first = single ? [] : [BEGIN];
    if (this.#set.has(client)) return this.#attempt(client, first, work, single);
    // Sent before BEGIN, because a rollback would undo the settings.
    const result = await this.#attempt(client, [set, ...first], work, single);
    this.#set.add(client);
    return result;
  }

  async #attempt<T>(
    client: TakenClient,
    begin: string[],
    work: ExchangeWork<T>,
    single: boolean,
  ): Promise<T> {
    const { prepares, guard } = this.#connections;
    const sent: Promise<unknown>[] = [];
    const send = <T>(
      statement: pg.QueryConfig,
      read: (answer: pg.QueryResult) => T,
    ): Promise<T> => {
      // One statement is sent at once, before the requests that have arrived are all read.
      if (!single) writeTogether(client.connection.stream);
      const answer = guard(() => client.query(statement)).then(read);
      // All answers are awaited below. An earlier failure must not end the process.
      answer.catch(() => undefined);
      sent.push(answer);
      return answer;
    };
    let broken: Error | undefined;
    // A single statement commits by itself.
    let ends = single;
    try {
      for (const text of begin) void send({ text }, () => undefined);
      const { result, changed } = await work((name, text, values) =>
        send(prepares ? { name, text, values } : { text, values }, ({ rows }) => rows),
      );
      if (single) {
        await Promise.all(sent);
        return result;
      }
      ends = changed;
      const end = send({ text: changed ? 'COMMIT' : 'ROLLBACK' }, ({ command }) => command);
      await Promise.all(sent);
      if (changed && (await end) !== 'COMMIT') throw new Error('the transaction was rolled back');
      return result;
    } catch (error) {
      if (leavesConnection(error)) {
        const ended = send({ text: 'ROLLBACK' }, () => undefined);
        await ended.catch((failure: Error) => (broken = failure));
      } else broken = error as Error;
      throw ends ? doubted(error) : error;
    } finally {
      client.release(broken);
    }
  }
}
