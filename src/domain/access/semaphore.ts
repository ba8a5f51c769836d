/**
 * Lets a fixed number of tasks run at once; the others wait in the order of their arrival, patient
 * ones until no other waits.
 */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #patient: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  async run<T>(task: () => Promise<T>, isPatient = false): Promise<T> {
    const line = isPatient ? this.#patient : this.#waiting;
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift() ?? this.#patient.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
