import { setTimeout as sleep } from 'node:timers/promises';
import type { Promises } from '../../support/promises.ts';

const PAUSE_MS = 50;
// Between requests, so that the load leaves time to the tests beside it.
const THINK_MS = { feed: 20, customer: 100 };
// With this many missing answers, a switch repeats deliveries before it sends new ones.
const MOST_OWED = 20;

/** Customers and switches that run until they are stopped, even if the service moves. */
export class Load {
  readonly #promises: Promises;
  readonly #url: () => string;
  #on = true;
  readonly #running: Promise<void>[];
  /** number of answers by status; 0: no answer */
  readonly statuses = new Map<number, number>();
  slowestMs = 0;

  constructor(promises: Promises, url: () => string, { feeds = 3, customers = 1 } = {}) {
    this.#promises = promises;
    this.#url = url;
    this.#running = [
      ...Array.from({ length: feeds }, () => this.#repeat(() => this.#deliver(), THINK_MS.feed)),
      ...Array.from({ length: customers }, () =>
        this.#repeat(() => promises.signUp(url()), THINK_MS.customer),
      ),
    ];
  }

  async #deliver(): Promise<number> {
    if (this.#promises.owed.length < MOST_OWED) return this.#promises.deliver(this.#url(), 5);
    await this.#promises.repeat(this.#url());
    return this.#promises.owed.length < MOST_OWED ? 200 : 503;
  }

  async #repeat(send: () => Promise<number>, thinkMs: number): Promise<void> {
    while (this.#on) {
      const began = performance.now();
      const status = await send();
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      await sleep(status === 200 ? thinkMs : PAUSE_MS);
    }
  }

  /** Stops the load, and has the switches repeat deliveries until all are answered. */
  async stop(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#running);
    for (let tries = 0; this.#promises.owed.length > 0; tries++) {
      if (tries > 100) throw new Error(`${this.#promises.owed.length} deliveries are refused`);
      await this.#promises.repeat(this.#url());
      if (this.#promises.owed.length > 0) await sleep(PAUSE_MS * 2);
    }
  }
}
