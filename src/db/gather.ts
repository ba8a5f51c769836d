import { channel } from 'node:diagnostics_channel';

/** What shared one transaction. */
export interface Gathered {
  what: 'questions' | 'deliveries';
  count: number;
}

/** Tells whoever listens of each `Gathered`. */
export const GATHERED = channel('account-api:gathered');

// More would only wait for each other.
const MOST_AT_ONCE = 2;

/**
 * Hands what many callers ask for at about the same time to `answer` together, so that they share
 * one statement. While one is under way the next ones gather, unless they are as many as are worth
 * a second statement beside it; nobody waits for a clock.
 */
export class Gatherer<Question, Answer> {
  readonly #answer: (questions: Question[]) => Promise<Answer[]>;
  readonly #areMany: ((questions: Question[]) => boolean) | undefined;
  #waiting: Asked<Question, Answer>[] = [];
  #beginning = false;
  #underWay = 0;

  /**
   * @param answer gives one answer for each question, in their order
   * @param areMany whether questions are worth a statement beside the one that is under way
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
      // After all requests that have arrived by now were read.
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

/** A gatherer for each key, for as long as somebody waits in it. */
export class Lanes<Key, Question, Answer> {
  readonly #open: () => Gatherer<Question, Answer>;
  readonly #lanes = new Map<Key, { gatherer: Gatherer<Question, Answer>; waiting: number }>();

  /** @param gatherer see Gatherer */
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
