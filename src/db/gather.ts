/**
 * Hands what many callers ask for at about the same time to `answer` together, so that they share
 * one statement. While one is under way the next ones gather; nobody waits for a clock.
 */
export class Gatherer<Question, Answer> {
  readonly #answer: (questions: Question[]) => Promise<Answer[]>;
  #waiting: Asked<Question, Answer>[] = [];
  #busy = false;

  /** @param answer gives one answer for each question, in their order */
  constructor(answer: (questions: Question[]) => Promise<Answer[]>) {
    this.#answer = answer;
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      // After all requests that have arrived by now were read.
      setImmediate(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const asked = this.#waiting;
      this.#waiting = [];
      try {
        const answers = await this.#answer(asked.map(({ question }) => question));
        asked.forEach(({ resolve }, n) => void resolve(answers[n] as Answer));
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
    }
    this.#busy = false;
  }
}

interface Asked<Question, Answer> {
  question: Question;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}
