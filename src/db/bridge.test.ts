import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { watchDelays } from '../../test/support/delays.ts';
import { cloneDatabase } from '../../test/support/postgres.ts';
import { type DatabaseProxy, startProxy } from '../../test/support/proxy.ts';
import { waitUntil } from '../../test/support/wait.ts';
import { Database, type Queryable } from './database.ts';
import { InDoubt, StoreUnavailable } from './errors.ts';

const BRIDGED_MS = 4_000;

let proxy: DatabaseProxy;
let db: Database;
/** past the proxy */
let direct: pg.Client;
let drop: () => Promise<void>;
before(async () => {
  const clone = await cloneDatabase();
  ({ drop } = clone);
  direct = new pg.Client(clone.connection);
  await direct.connect();
  await direct.query('CREATE TABLE note (text text)');
  proxy = await startProxy();
  db = new Database({ connection: proxy.through(clone.connection), poolSize: 4 });
});
after(async () => {
  await db.close();
  await direct.end();
  await proxy.close();
  await drop();
});

const write = (tx: Queryable, text: string) => tx.query('INSERT INTO note VALUES ($1)', [text]);
const exchange = (text: string, single = false) =>
  db.exchange({ settings: { lock_timeout: '1000' }, patient: false, single }, async (send) => {
    await send('bridge-write', 'INSERT INTO note VALUES ($1)', [text]);
    return { result: undefined, changed: true };
  });
const WORK: Record<string, (text: string) => Promise<unknown>> = {
  'single exchange': (text) => exchange(text, true),
  read: () => db.read('bridge-read', 'SELECT 1', []),
  'read of a list': () => db.readList('bridge-list', 'SELECT 1', []),
  'single read': () => db.query('SELECT 1'),
  'single write': (text) => write(db, text),
  transaction: (text) => db.transaction((tx) => write(tx, text)),
  delivery: (text) => db.deliver('bridge-deliver', 'INSERT INTO note VALUES ($1)', [text]),
  exchange: (text) => exchange(text),
};
const WRITES = ['single write', 'transaction', 'delivery', 'exchange', 'single exchange'];

async function notes(): Promise<string[]> {
  const { rows } = await direct.query<{ text: string }>('SELECT text FROM note ORDER BY text');
  await direct.query('TRUNCATE note');
  return rows.map(({ text }) => text);
}

test('work that has not begun waits for a database that comes back within seconds', async () => {
  proxy.cut();
  const work = Object.entries(WORK).map(([name, run]) => run(name));
  await sleep(500);
  proxy.mend();
  await Promise.all(work);
  assert.deepEqual(await notes(), [...WRITES].sort());
});

test('the same while it takes no writes, and reads go on', async () => {
  const name = direct.database;
  await direct.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  proxy.cut();
  // Until the ends of the connections have been seen.
  await sleep(100);
  proxy.mend();
  const writes = Promise.all(WRITES.map((name) => WORK[name]?.(name)));
  for (const reads of ['read', 'read of a list', 'single read']) await WORK[reads]?.('');
  assert.equal(await Promise.race([writes, sleep(100, 'waits')]), 'waits');
  await direct.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await writes;
  assert.deepEqual(await notes(), [...WRITES].sort());
});

test('a longer outage is answered at once, after four seconds in all', async () => {
  proxy.cut();
  const busyMs = watchDelays();
  const began = performance.now();
  await assert.rejects(db.query('SELECT 1'), StoreUnavailable);
  const firstMs = performance.now() - began;
  assert.ok(firstMs > BRIDGED_MS - 500, `${firstMs} ms`);
  assert.ok(firstMs < BRIDGED_MS + 1_000 + busyMs(), `${firstMs} ms`);
  const later = performance.now();
  for (const [name, run] of Object.entries(WORK)) await assert.rejects(run(name), StoreUnavailable);
  const laterMs = performance.now() - later;
  assert.ok(laterMs < 1_500 + busyMs(), `${laterMs} ms`);
  proxy.mend();
  await WORK.transaction?.('afterwards');
  assert.deepEqual(await notes(), ['afterwards']);
});

test('a commit whose answer is lost is not repeated', async () => {
  let runs = 0;
  // A deferred trigger makes the commit wait.
  await direct.query(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$`);
  await direct.query(`CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON note
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`);
  const committing = async () => {
    const { rows } = await direct.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
    );
    return rows.length > 0;
  };
  const cutDuring = async (work: Promise<unknown>) => {
    const doubt = assert.rejects(work, InDoubt);
    await waitUntil(committing);
    proxy.cut();
    await doubt;
    await waitUntil(async () => !(await committing()));
    proxy.mend();
  };
  await cutDuring(
    db.transaction(async (tx) => {
      runs++;
      await write(tx, 'in doubt');
    }),
  );
  await cutDuring(exchange('in doubt, too'));
  await cutDuring(exchange('in doubt, single', true));
  await direct.query('DROP TRIGGER wait ON note');
  assert.equal(runs, 1);
  assert.deepEqual(await notes(), ['in doubt', 'in doubt, single', 'in doubt, too']);
});
