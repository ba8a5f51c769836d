import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../../src/db/database.ts';
import type { Promises } from '../../support/promises.ts';
import { type Answer, post } from '../../support/service.ts';
import { waitUntil } from '../../support/wait.ts';

const PAUSE_MS = 40;
/** Each hashes a password, which takes most of the processor's time. */
const SIGNUP_PAUSE_MS = 200;
const WRITES: Kind[] = ['calls', 'authorize', 'credit', 'sign-up'];
const MOST_OWED = 20;
const CREDIT_MICROS = 1_250_000n;

export type Kind = 'calls' | 'authorize' | 'credit' | 'sign-up' | 'info' | 'cdr';

interface Answered {
  kind: Kind;
  /** 0: no answer */
  status: number;
  ms: number;
  atMs: number;
}

/** Customers, switches and an operator's system that go on while machines fail. */
export class Traffic {
  readonly #promises: Promises;
  readonly #url: string;
  readonly #headers: { feed: string; operator: string; customer: string };
  readonly #allowed = new Map<string, number>();
  readonly #answered: Answered[] = [];
  #on = true;
  #givesUp = false;
  readonly #running: Promise<void>[];

  constructor(
    promises: Promises,
    url: string,
    headers: { feed: string; operator: string; customer: string },
  ) {
    this.#promises = promises;
    this.#url = url;
    this.#headers = headers;
    this.#running = [
      this.#repeat('calls', () => this.#deliver()),
      this.#repeat('authorize', () => this.#authorize()),
      this.#repeat('credit', () => this.#credit()),
      this.#repeat('sign-up', () => promises.signUp(url)),
      this.#repeat('info', () => this.#read('info')),
      this.#repeat('cdr', () => this.#read('cdr')),
    ];
  }

  /** The answers of a kind since a moment. */
  answers(kinds: Kind[], sinceMs = 0): Answered[] {
    return this.#answered.filter(({ kind, atMs }) => kinds.includes(kind) && atMs >= sinceMs);
  }

  /**
   * Waits until a write of each kind was acknowledged that began after a moment.
   * @returns when the last kind had its first one
   */
  async untilWritten(since = performance.now(), timeoutMs = 60_000): Promise<number> {
    const firstOf = (kind: Kind) =>
      this.answers([kind], since).find(
        ({ status, atMs, ms }) => status === 200 && atMs - ms >= since,
      )?.atMs ?? Number.POSITIVE_INFINITY;
    const lastMs = () => Math.max(...WRITES.map(firstOf));
    await waitUntil(() => lastMs() < Number.POSITIVE_INFINITY, timeoutMs);
    return lastMs();
  }

  /** Sends nothing more, whatever is owed. */
  async end(): Promise<void> {
    this.#on = false;
    this.#givesUp = true;
    await Promise.all(this.#running);
  }

  /** Stops, and has everything repeated that is owed an answer. */
  async stop(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#running);
    for (let tries = 0; this.#promises.owed.length > 0; tries++) {
      assert.ok(tries < 200, `${this.#promises.owed.length} deliveries are refused`);
      await this.#promises.repeat(this.#url);
      if (this.#promises.owed.length > 0) await sleep(PAUSE_MS * 2);
    }
  }

  /** Every hold that was acknowledged is there. */
  async assertHolds(connectionString: string): Promise<void> {
    const db = new Database({ connection: { connectionString }, poolSize: 1, role: 'command' });
    try {
      const rows = await db.query<{ callId: string }>('SELECT call_id AS "callId" FROM hold');
      const held = new Set(rows.map(({ callId }) => callId));
      const lost = [...this.#allowed.keys()].filter((callId) => !held.has(callId));
      assert.deepEqual(lost, [], 'acknowledged holds that are not there');
    } finally {
      await db.close();
    }
  }

  async #repeat(kind: Kind, send: () => Promise<number>): Promise<void> {
    while (this.#on) {
      const began = performance.now();
      const status = await send();
      const atMs = performance.now();
      this.#answered.push({ kind, status, ms: atMs - began, atMs });
      await sleep(kind === 'sign-up' ? SIGNUP_PAUSE_MS : PAUSE_MS);
    }
  }

  async #deliver(): Promise<number> {
    const { owed, acknowledged } = this.#promises;
    if (owed.length < MOST_OWED) return this.#promises.deliver(this.#url, 5);
    const before = acknowledged.size;
    await this.#promises.repeat(this.#url);
    return acknowledged.size > before ? 200 : 503;
  }

  async #authorize(): Promise<number> {
    const account = this.#account();
    const callId = randomUUID();
    const body = { account, dst: '2125550123', call_id: callId };
    const answer = await this.#post('/ingest/v1/authorize', body, this.#headers.feed);
    if (answer?.status === 200) this.#allowed.set(callId, account);
    return answer?.status ?? 0;
  }

  /** A system repeats a credit with its reference until it is answered. */
  async #credit(): Promise<number> {
    const account = this.#account();
    const reference = randomUUID();
    const path = `/operator/v1/accounts/${account}/ledger-entries`;
    const body = { type: 'credit', amount: '1.25', reason: 'Card payment', reference };
    let first: number | undefined;
    while (!this.#givesUp) {
      const answer = await this.#post(path, body, this.#headers.operator);
      const { status = 0 } = answer ?? {};
      first ??= status;
      if (status === 201 || status === 200) {
        this.#promises.credits.push({ account, reference, micros: CREDIT_MICROS });
        return first === 201 ? 200 : first;
      }
      await sleep(PAUSE_MS * 2);
    }
    return first ?? 0;
  }

  async #read(operation: 'info' | 'cdr'): Promise<number> {
    const path = `/v2.1/account/${operation}/`;
    return (await this.#post(path, undefined, this.#headers.customer))?.status ?? 0;
  }

  async #post(path: string, body: unknown, authorization: string): Promise<Answer | undefined> {
    try {
      const answer = await post(`${this.#url}${path}`, body, { authorization });
      if (answer.status === 503)
        assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/, path);
      return answer;
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #account(): number {
    const { accounts } = this.#promises;
    return accounts[Math.floor(Math.random() * accounts.length)] ?? 0;
  }
}
