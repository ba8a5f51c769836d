import type { Database, Queryable } from './database.ts';
import { StoreUnavailable, translate } from './errors.ts';
import type { ListQuestion } from './finder.ts';
import type { OpenTransaction } from './transaction.ts';

/** Begins the transaction, if it has not begun. */
type Begin = () => Promise<OpenTransaction>;

/**
 * Runs `work` with a database whose transactions are parts of one outer transaction. So functions
 * that open their own transaction take part in it. It begins with the first part: earlier work,
 * such as hashing a password, holds no connection. It is committed when `work` is done. Reads after
 * the begin are part of it too. If a part throws, that part is rolled back; if `work` throws,
 * everything is. Parts must not run at the same time. `work` runs again from its start when
 * `transaction` would.
 * @param first runs right after the begin of the transaction
 */
export function inOneTransaction<T>(
  db: Database,
  first: (tx: Queryable) => Promise<void>,
  work: (joined: Database, begin: Begin) => Promise<T>,
): Promise<T> {
  return db.repeated(() => attempt(db, first, work));
}

async function attempt<T>(
  db: Database,
  first: (tx: Queryable) => Promise<void>,
  work: (joined: Database, begin: Begin) => Promise<T>,
): Promise<T> {
  const open: { tx?: OpenTransaction } = {};
  let begun: Promise<OpenTransaction> | undefined;
  const begin = () => {
    begun ??= (async () => {
      open.tx = await db.begin();
      await first(open.tx);
      return open.tx;
    })();
    return begun;
  };
  try {
    const result = await work(joinedTo(db, open, begin), begin);
    await open.tx?.commit();
    return result;
  } catch (error) {
    await open.tx?.rollBack(error);
    throw error;
  }
}

function joinedTo(db: Database, open: { tx?: OpenTransaction }, begin: Begin): Database {
  const inTransaction = <Row extends object>(text: string, values?: unknown[]) =>
    open.tx?.query<Row>(text, values);
  const cannotJoin = () => Promise.reject(new TypeError('it has a transaction of its own'));
  const parts: Partial<Database> & Queryable = {
    query: (text, values) => inTransaction(text, values) ?? db.query(text, values),
    read: (name, text, values) => inTransaction(text, values) ?? db.read(name, text, values),
    readList: (name, text, values) =>
      inTransaction(text, values) ?? db.readList(name, text, values),
    readPage: (name, text, values) =>
      inTransaction(text, values) ?? db.readPage(name, text, values),
    find: async <Row extends object>(name: string, text: string, key: unknown) => {
      const rows = inTransaction<Row>(text, [[key]]);
      return rows ? (await rows)[0] : db.find<Row>(name, text, key);
    },
    findList: async <Row extends object>(question: ListQuestion) => {
      const { text, values, key } = question;
      const rows = inTransaction<Row>(text, [...values, [key]]);
      return rows ? (await rows)[0] : db.findList<Row>(question);
    },
    afterCommit: (work) => (open.tx ? open.tx.afterCommit(work) : work()),
    transaction: async (work) => part(await begin(), work),
    begin: cannotJoin,
    deliver: cannotJoin,
    exchange: cannotJoin,
  };
  return new Proxy(db, {
    get: (target, name) => {
      const value = Reflect.get(parts, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function part<T>(tx: OpenTransaction, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const afterwards: (() => void)[] = [];
  await tx.query('SAVEPOINT part');
  try {
    const result = await work({
      query: (text, values) => tx.query(text, values),
      afterCommit: (then) => afterwards.push(then),
    });
    await tx.query('RELEASE SAVEPOINT part');
    for (const then of afterwards) tx.afterCommit(then);
    return result;
  } catch (error) {
    // If PostgreSQL is unavailable, the whole transaction ends.
    if (!(translate(error) instanceof StoreUnavailable)) {
      await tx.query('ROLLBACK TO SAVEPOINT part');
    }
    throw error;
  }
}
