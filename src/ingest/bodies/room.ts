import { Refusal } from '../../domain/refusal.ts';

const RETRY_SECONDS = 5;

interface Waiting {
  amount: number;
  enter: () => void;
}

/** A limited resource, such as memory for bodies. Requests wait in line for it. */
export class Room {
  #free: number;
  #waitMs: number;
  #waiting: Waiting[] = [];

  constructor(size: number, waitMs: number) {
    this.#free = size;
    this.#waitMs = waitMs;
  }

  /** @throws Refusal 'busy' where the wait takes too long */
  async take(amount: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#free >= amount) {
      this.#free -= amount;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiting = { amount, enter: () => resolve() };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        this.#admit();
        reject(
          new Refusal('busy', 'Too much at once, please try again', {
            retryAfterSeconds: RETRY_SECONDS,
          }),
        );
      }, this.#waitMs);
      waiting.enter = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push(waiting);
    });
  }

  give(amount: number): void {
    this.#free += amount;
    this.#admit();
  }

  #admit(): void {
    for (
      let [first] = this.#waiting;
      first && first.amount <= this.#free;
      [first] = this.#waiting
    ) {
      this.#waiting.shift();
      this.#free -= first.amount;
      first.enter();
    }
  }
}
