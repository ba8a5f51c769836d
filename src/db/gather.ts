import { channel } from 'node:diagnostics_channel';

/** How many questions or deliveries shared one transaction. */
export interface Gathered {
  what: 'questions' | 'deliveries';
  count: number;
}

/** Publishes each `Gathered`. */
export const GATHERED = channel('account-api:gathered');

// More statements would only wait for each other.
const MOST_AT_ONCE = 2;

/**
 * Passes the questions of concurrent callers to `answer` together, so they share one statement.
 * While a statement runs, the next questions gather. Many questions start a second, parallel
 * statement. No question waits for a timer.
 */
export class Gatherer<Question, Answer> {
  readonly #answer: (questions: Question[]) => Promise<Answer[]>;
  readonly #areMany: ((questions: Question[]) => boolean) | undefined;
  #waiting: Asked<Question, Answer>[] = [];
  #beginning = false;
  #underWay = 0;

  /**
   * @param answer gives one answer for each question, in their order
   * @param areMany whether the questions are worth a second, parallel statement
   */
  constructor(
    answer: (questions: Question[]) => Promise<Answer[]>,
    areMany?: (questions: Question[]) => boolean,
  ) {
    this.#answer = answer;
    this.#areMany = areMany;
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (!this.#mayBegin()) return;
      this.#beginning = true;
      // Runs after all requests that have arrived are read.
      setImmediate(() => {
        this.#beginning = false;
        void this.#work();
      });
    });
  }

  #mayBegin(): boolean {
    if (this.#beginning || this.#waiting.length === 0) return false;
    if (this.#underWay === 0) return true;
    if (this.#underWay === MOST_AT_ONCE || !this.#areMany) return false;
    return this.#areMany(this.#waiting.map(({ question }) => question));
  }

  async #work(): Promise<void> {
    this.#underWay++;
    const asked = this.#waiting;
    this.#waiting = [];
    try {
      const answers = await this.#answer(asked.map(({ question }) => question));
      asked.forEach(({ resolve }, n) => void resolve(answers[n] as Answer));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#underWay--;
    if (this.#mayBegin()) void this.#work();
  }
}

interface Asked<Question, Answer> {
  question: Question;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** A gatherer for each key, as long as it has waiting questions. */
export class Lanes<Key, Question, Answer> {
  readonly #open: () => Gatherer<Question, Answer>;
  readonly #lanes = new Map<Key, { gatherer: Gatherer<Question, Answer>; waiting: number }>();

  /** @param gatherer arguments of the constructor of Gatherer */
  constructor(...gatherer: ConstructorParameters<typeof Gatherer<Question, Answer>>) {
    this.#open = () => new Gatherer(...gatherer);
  }

  has(key: Key): boolean {
    return this.#lanes.has(key);
  }

  async ask(key: Key, question: Question): Promise<Answer> {
    const lane = this.#lanes.get(key) ?? { gatherer: this.#open(), waiting: 0 };
    this.#lanes.set(key, lane);
    lane.waiting++;
    try {
      return await lane.gatherer.ask(question);
    } finally {
      lane.waiting--;
      if (lane.waiting === 0) this.#lanes.delete(key);
    }
  }
}
