import { isReadOnly, mayRepeat, retried, StoreUnavailable, translate } from './errors.ts';
import type { Need, Pulse } from './pulse.ts';

/** Carries work over a short loss of the primary, and fails it where PostgreSQL is silent. */
export class Bridge {
  readonly #pulse: Pulse | undefined;
  readonly #repeats: boolean;

  /**
   * @param pulse left out: work waits as long as the driver does
   * @param repeats false: work that failed is not repeated when the primary comes back
   */
  constructor(pulse: Pulse | undefined, repeats: boolean) {
    this.#pulse = pulse;
    this.#repeats = repeats;
  }

  /** Runs `start` as `Pulse.guard` does. */
  guard<T>(need: Need, start: () => Promise<T>, abandon?: (late: T) => void): Promise<T> {
    return this.#pulse ? this.#pulse.guard(need, start, abandon) : start();
  }

  /** Runs work that only reads, and again when PostgreSQL answers within seconds. */
  reads<T>(work: () => Promise<T>): Promise<T> {
    return this.#bridged('answers', work);
  }

  /**
   * Runs work that writes, and again from its start where it surely changed nothing: after a
   * deadlock, and when the primary comes back within seconds.
   */
  writes<T>(work: () => Promise<T>): Promise<T> {
    return this.#bridged('writes', () => {
      this.#pulse?.requireCopies();
      return retried(work);
    });
  }

  async close(): Promise<void> {
    await this.#pulse?.close();
  }

  #bridged<T>(need: Need, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const attempt = async (): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        const repeats =
          need === 'writes'
            ? mayRepeat(error)
            : error instanceof StoreUnavailable || (mayRepeat(error) && !isReadOnly(error));
        const pulse = this.#repeats && repeats ? this.#pulse : undefined;
        // A server that fails each statement in a repeatable way is not asked for longer.
        const isLate = performance.now() - began > (pulse?.bridgedMs ?? 0);
        if (isLate || !(await pulse?.restored(need))) throw translate(error);
        return attempt();
      }
    };
    return attempt();
  }
}
