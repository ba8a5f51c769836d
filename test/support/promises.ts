import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { Database } from '../../src/db/database.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { type Answer, post } from './service.ts';
import { waitUntil } from './wait.ts';

/** A minute of talk at the rate of a new account per minute. */
const PRICE_MICROS = 7_500n;
const TALK_SECONDS = 60;

interface SentCall {
  id: string;
  account: number;
}

interface Batch {
  body: object[];
  calls: SentCall[];
}

/**
 * A switch, some customers, and the promises of the service: every acknowledged change is stored
 * here. After a fault they are compared with the database.
 */
export class Promises {
  readonly accounts: number[] = [];
  readonly sent = new Map<string, SentCall>();
  readonly acknowledged = new Map<string, SentCall>();
  readonly signups: { username: number; password: string; email: string }[] = [];
  readonly credits: { account: number; reference: string; micros: bigint }[] = [];
  /** the counts of the last acknowledged delivery */
  lastCounts = { stored: 0, duplicates: 0 };
  /** deliveries without an answer, or with an answer that asks to repeat them */
  readonly owed: Batch[] = [];
  readonly authorization: string;

  /** @param authorization the header of a feed of the format `generic` */
  constructor(authorization: string) {
    this.authorization = authorization;
  }

  /** Signs up customers who will make calls. */
  async open(url: string, count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.signUp(url);
    this.accounts.push(...this.signups.slice(-count).map(({ username }) => username));
  }

  /** @returns the answer's status, 0 without an answer */
  async signUp(url: string): Promise<number> {
    const email = `user-${randomBytes(6).toString('hex')}@example.com`;
    const body = { name: 'Example Company', email };
    const answer = await attempt(() => post(`${url}/v2.1/account/signup/`, body));
    if (answer?.status === 200) {
      const { username, password } = answer.body.account;
      this.signups.push({ username, password, email });
    }
    return answer?.status ?? 0;
  }

  /** Delivers new calls of random accounts. @returns the answer's status, 0 without an answer */
  async deliver(url: string, count: number): Promise<number> {
    const start = Math.floor(Date.now() / 1_000) - 3_600;
    const body: object[] = [];
    const calls: SentCall[] = [];
    for (let n = 0; n < count; n++) {
      const id = randomUUID();
      const account = this.accounts[(this.sent.size + n) % this.accounts.length] ?? 0;
      calls.push({ id, account });
      const [cid, dst] = ['8666326621', '8008786160'];
      body.push({ id, account, start: start + n, duration: TALK_SECONDS, cid, dst });
    }
    for (const call of calls) this.sent.set(call.id, call);
    return this.#send(url, { body, calls });
  }

  /** Repeats the deliveries that are owed, once, like a switch: until one gets no answer. */
  async repeat(url: string): Promise<void> {
    const batches = this.owed.splice(0);
    for (const [n, batch] of batches.entries()) {
      if ((await this.#send(url, batch)) !== 0) continue;
      this.owed.push(...batches.slice(n + 1));
      return;
    }
  }

  async #send(url: string, batch: Batch): Promise<number> {
    const headers = { authorization: this.authorization };
    const answer = await attempt(() => post(`${url}/ingest/v1/calls/generic`, batch.body, headers));
    if (answer?.status !== 200) {
      this.owed.push(batch);
      return answer?.status ?? 0;
    }
    const { stored, duplicates } = answer.body;
    this.lastCounts = { stored, duplicates };
    assert.equal(stored + duplicates, batch.calls.length, JSON.stringify(answer.body));
    for (const call of batch.calls) this.acknowledged.set(call.id, call);
    return 200;
  }

  /** Compares the books and everything acknowledged with the database. */
  async assertKept(connection: pg.ClientConfig): Promise<void> {
    const db = new Database({ connection, poolSize: 1, role: 'command' });
    try {
      assert.deepEqual((await reconcile(db)).imbalances, []);
      await this.#assertCalls(db);
      await this.#assertMoney(db);
      await this.#assertSignups(db);
    } finally {
      await db.close();
    }
  }

  async #assertCalls(db: Database): Promise<void> {
    const stored = await db.query<{ id: string; times: number }>(
      'SELECT id::text, count(*)::int AS times FROM call GROUP BY id',
    );
    const times = new Map(stored.map((row) => [row.id, row.times]));
    const lost = [...this.acknowledged.keys()].filter((id) => !times.has(id));
    assert.deepEqual(lost, [], 'acknowledged calls that are not there');
    const twice = stored.filter((row) => row.times > 1);
    assert.deepEqual(twice, [], 'calls that are there more than once');
    const invented = stored.filter((row) => !this.sent.has(row.id));
    assert.deepEqual(invented, [], 'calls that nobody sent');
  }

  /**
   * Calculates the money in another way than the service, from each account's credits and calls.
   */
  async #assertMoney(db: Database): Promise<void> {
    const stored = await db.query<{ id: string }>('SELECT id::text FROM call');
    const expected = new Map(this.accounts.map((account) => [account, 0n]));
    const move = (account: number, micros: bigint) =>
      expected.set(account, (expected.get(account) ?? 0n) + micros);
    for (const { id } of stored) move(this.sent.get(id)?.account ?? 0, -PRICE_MICROS);
    const posted = await db.query<{ account: number; reference: string | null }>(
      "SELECT account, reference FROM ledger_entry WHERE kind = 'payment'",
    );
    const lost = this.credits.filter(
      (credit) => !posted.some(({ reference }) => reference === credit.reference),
    );
    assert.deepEqual(lost, [], 'acknowledged credits that are not there');
    const references = new Set(posted.map(({ reference }) => reference));
    assert.equal(references.size, posted.length, 'a credit is there more than once');
    for (const { account, micros } of this.credits) move(account, micros);
    const balances = await db.query<{ account: number; micros: string }>(
      'SELECT account, (cash * 1000000)::bigint::text AS micros FROM balance WHERE account = ANY($1)',
      [this.accounts],
    );
    for (const { account, micros } of balances) {
      assert.equal(BigInt(micros), expected.get(account), `cash of ${account}`);
    }
    assert.equal(balances.length, this.accounts.length);
  }

  async #assertSignups(db: Database): Promise<void> {
    const rows = await db.query<{ username: number }>(
      'SELECT username FROM account WHERE username = ANY($1)',
      [this.signups.map(({ username }) => username)],
    );
    assert.equal(rows.length, this.signups.length, 'acknowledged signups that are not there');
  }

  /** Waits until each signup's mail has been written. */
  async assertMailed(dataDir: string, timeoutMs = 60_000): Promise<void> {
    const folder = join(dataDir, 'mail');
    const read = new Set<string>();
    const named = new Set<string>();
    await waitUntil(async () => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml'));
      for (const name of names) {
        if (read.has(name)) continue;
        const text = await readFile(join(folder, name), 'utf8');
        for (const [address] of text.matchAll(/[\w-]+@[\w.]+/g)) named.add(address);
        read.add(name);
      }
      return this.signups.every(({ email }) => named.has(email));
    }, timeoutMs);
  }
}

/** @returns undefined if the connection broke before an answer */
async function attempt(send: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
