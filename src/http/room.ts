import { Refusal } from '../domain/refusal.ts';

const RETRY_SECONDS = 5;

interface Waiting {
  amount: number;
  enter: () => void;
}

/**
 * A limited resource, such as memory for bodies or turns for pages. Each owner has a line of requests
 * that wait for it; owners take turns. An owner has half of the resource at most, so none keeps the
 * others out.
 */
export class Room {
  readonly #share: number;
  readonly #waitMs: number;
  readonly #held = new Map<string, number>();
  /** the lines of owners, the next one first */
  readonly #lines = new Map<string, Waiting[]>();
  #free: number;

  constructor(size: number, waitMs: number) {
    this.#free = size;
    this.#share = size / 2;
    this.#waitMs = waitMs;
  }

  /** Whether a request waits for what an owner holds: its own, or one of another within its share. */
  isWanted(owner: string): boolean {
    return [...this.#lines].some(
      ([waiting, [first]]) => waiting === owner || (first && this.#fits(waiting, first)),
    );
  }

  /** @throws Refusal 'busy' where the wait takes too long */
  async take(owner: string, amount: number): Promise<void> {
    const line = this.#lines.get(owner) ?? [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { amount, enter: resolve };
    line.push(waiting);
    this.#lines.set(owner, line);
    this.#admit();
    if (!line.includes(waiting)) return;
    const timer = setTimeout(() => {
      line.splice(line.indexOf(waiting), 1);
      if (line.length === 0) this.#lines.delete(owner);
      this.#admit();
      reject(
        new Refusal('busy', 'Too much at once, please try again', {
          retryAfterSeconds: RETRY_SECONDS,
        }),
      );
    }, this.#waitMs);
    await promise.finally(() => clearTimeout(timer));
  }

  give(owner: string, amount: number): void {
    this.#free += amount;
    this.#hold(owner, -amount);
    this.#admit();
  }

  #admit(): void {
    // An owner whose request enters is the last one again, so the loop comes back to it.
    for (const [owner, line] of this.#lines) {
      const [first] = line;
      if (!first || !this.#fits(owner, first)) continue;
      if (first.amount > this.#free) return;
      line.shift();
      this.#lines.delete(owner);
      if (line.length > 0) this.#lines.set(owner, line);
      this.#free -= first.amount;
      this.#hold(owner, first.amount);
      first.enter();
    }
  }

  #fits(owner: string, { amount }: Waiting): boolean {
    return (this.#held.get(owner) ?? 0) + amount <= this.#share;
  }

  #hold(owner: string, more: number): void {
    const held = (this.#held.get(owner) ?? 0) + more;
    if (held > 0) this.#held.set(owner, held);
    else this.#held.delete(owner);
  }
}
