import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 5;

let turns: Promise<unknown> = Promise.resolve();

/** Some milliseconds of long work. Then other work gets its turn. */
export class Slice {
  #end = performance.now() + SLICE_MS;

  get isOver(): boolean {
    return performance.now() > this.#end;
  }

  /** Waits for the next turn; all long work takes turns. */
  async next(): Promise<void> {
    turns = turns.then(() => setImmediate());
    await turns;
    this.#end = performance.now() + SLICE_MS;
  }
}
