import { Gatherer, Lanes } from './gather.ts';

/** What `Database.findList` reads. */
export interface ListQuestion {
  name: string;
  text: string;
  key: unknown;
  /** the statement's first values; the keys are an array after them */
  values: (string | number)[];
}

type Read = <Row extends object>(name: string, text: string, values: unknown[]) => Promise<Row[]>;

// Two statements of eight lists keep PostgreSQL busy; more lists would only wait for each other.
const LISTS_TOGETHER = { sizeOf: () => 1, least: 4, most: 8 };

/** Finds rows by their keys; the keys of concurrent requests share a statement. */
export class Finder {
  readonly #db: { read: Read; readList: Read };
  /** by the name of the statement */
  readonly #rows = new Map<string, Gatherer<unknown, object | undefined>>();
  readonly #lists = new Lanes<string, ListQuestion, object | undefined>(
    (asked) => this.#readLists(asked),
    LISTS_TOGETHER,
  );

  constructor(db: { read: Read; readList: Read }) {
    this.#db = db;
  }

  /** See Database.find */
  find<Row extends object>(name: string, text: string, key: unknown): Promise<Row | undefined> {
    let gatherer = this.#rows.get(name);
    if (!gatherer) {
      gatherer = new Gatherer(async (keys) =>
        inOrder(await this.#db.read<{ n: number }>(name, text, [keys]), keys.length),
      );
      this.#rows.set(name, gatherer);
    }
    return gatherer.ask(key) as Promise<Row | undefined>;
  }

  /** See Database.findList */
  findList<Row extends object>(question: ListQuestion): Promise<Row | undefined> {
    const lane = [question.name, ...question.values].join(' ');
    return this.#lists.ask(lane, question) as Promise<Row | undefined>;
  }

  async #readLists(asked: ListQuestion[]): Promise<(object | undefined)[]> {
    const [{ name, text, values }] = asked as [ListQuestion];
    const keys = asked.map(({ key }) => key);
    const rows = await this.#db.readList<{ n: number }>(name, text, [...values, keys]);
    return inOrder(rows, keys.length);
  }
}

/** Rows in the order of their keys; undefined where a key has none. */
function inOrder(rows: { n: number }[], keys: number): (object | undefined)[] {
  const found: (object | undefined)[] = new Array(keys);
  for (const row of rows) found[row.n - 1] = row;
  return found;
}
