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
// Statements that take so long wait for a lock.
const LONG_MS = 500;

/** How large a statement is. */
export interface Sizes<Question> {
  sizeOf: (question: Question) => number;
  /** from this size on, questions get a statement beside another one; left out: they never do */
  least?: number;
  /** a statement has at most this size, or one question; left out: no limit */
  most?: number;
}

/**
 * Passes the questions of concurrent callers to `answer` together, so they share one statement.
 * While a statement runs, the next questions gather. No question waits for a timer.
 *
 * Many questions are answered by two statements in turn, each with half of them. The second half
 * begins before the first is answered, so PostgreSQL works while this process reads requests and
 * writes answers. Otherwise all callers would wait for one statement, and PostgreSQL for them. Where
 * no other statement runs, the next one begins once the answers of the last one are written.
 */
export class Gatherer<Question, Answer> {
  readonly #answer: (questions: Question[]) => Promise<Answer[]>;
  readonly #sizeOf: (question: Question) => number;
  readonly #least: number;
  readonly #most: number;
  #waiting: Asked<Question, Answer>[] = [];
  #beginning = false;
  #underWay = 0;
  #waitingSize = 0;
  /** when the first of those that wait was asked */
  #waitingSinceMs = 0;
  /** of the questions under way */
  #askedSize = 0;
  /** half the size of all questions that were open when a statement last ended */
  #half = 0;

  /**
   * @param answer gives one answer for each question, in their order
   * @param sizes left out: there is one statement at a time, for all that wait
   */
  constructor(answer: (questions: Question[]) => Promise<Answer[]>, sizes?: Sizes<Question>) {
    this.#answer = answer;
    this.#sizeOf = sizes?.sizeOf ?? (() => 0);
    this.#least = sizes?.least ?? Number.POSITIVE_INFINITY;
    this.#most = sizes?.most ?? Number.POSITIVE_INFINITY;
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#waitingSinceMs = performance.now();
      this.#waiting.push({ question, resolve, reject });
      this.#waitingSize += this.#sizeOf(question);
      if (this.#isHalf()) {
        void this.#work();
        return;
      }
      if (this.#beginning || this.#underWay > 0) return;
      this.#beginning = true;
      // Runs after all requests that have arrived are read.
      setImmediate(() => this.#begin());
    });
  }

  #begin(): void {
    this.#beginning = false;
    if (this.#mayBegin()) void this.#work();
  }

  #isHalf(): boolean {
    if (this.#underWay === MOST_AT_ONCE || this.#least === Number.POSITIVE_INFINITY) return false;
    return this.#waitingSize >= Math.min(this.#most, Math.max(this.#least, this.#half));
  }

  #mayBegin(): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#underWay === 0 || this.#isHalf()) return true;
    // A statement has just ended. The other one must not delay what has waited for this one.
    return performance.now() - this.#waitingSinceMs > LONG_MS;
  }

  /** Takes the questions of the next statement. */
  #take(): { asked: Asked<Question, Answer>[]; size: number } {
    let size = 0;
    const end = this.#waiting.findIndex(({ question }, n) => {
      const larger = size + this.#sizeOf(question);
      if (n > 0 && larger > this.#most) return true;
      size = larger;
      return false;
    });
    const asked = this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
    this.#waitingSize -= size;
    return { asked, size };
  }

  async #work(): Promise<void> {
    const { asked, size } = this.#take();
    this.#underWay++;
    this.#askedSize += size;
    try {
      const answers = await this.#answer(asked.map(({ question }) => question));
      asked.forEach(({ resolve }, n) => void resolve(answers[n] as Answer));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#half = Math.ceil((this.#waitingSize + this.#askedSize) / 2);
    this.#underWay--;
    this.#askedSize -= size;
    if (this.#beginning || !this.#mayBegin()) return;
    const isEnough = this.#waitingSize >= this.#most || this.#least === Number.POSITIVE_INFINITY;
    if (this.#underWay > 0 || isEnough) void this.#work();
    else {
      this.#beginning = true;
      // The first runs once the answers are written, the second once what was asked meanwhile is read.
      setImmediate(() => setImmediate(() => this.#begin()));
    }
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
