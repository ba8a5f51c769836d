import { readFileSync } from 'node:fs';
import { plainTitle } from './file-rows.ts';

/** The kinds of things that are imported, in the order of a move. */
export const IMPORT_KINDS = ['accounts', 'sip', 'numbers', 'services', 'balances'] as const;
export type ImportKindName = (typeof IMPORT_KINDS)[number];

/** What mappings read: also price lists, which are imported whole or not at all. */
export const MAPPED_KINDS = [...IMPORT_KINDS, 'prices'] as const;
export type MappedKindName = (typeof MAPPED_KINDS)[number];

/** Mappings that ship with the service. */
export const SHIPPED = ['neutral', 'astpp', 'a2billing', 'magnusbilling', 'fusionpbx'] as const;

/**
 * Where a value comes from: a text with the names of columns in braces, the first of several that
 * is not empty, a constant, or a column with rules.
 */
type Source =
  | string
  | Source[]
  | { constant: string }
  | {
      column: string;
      /** other words for the column's values; a value that is not listed stays */
      values?: Record<string, string>;
      /** the word for all values that are not listed */
      otherwise?: string;
      /** the value if the column is empty */
      empty?: string;
      /** values that mean nothing */
      nothing?: string[];
      /** without its sign */
      absolute?: true;
      /** without these parts */
      without?: string[];
      /** the other sign where other columns have these values */
      negateIf?: Record<string, string[]>;
    };

/** How a file of another system is read as one kind. */
interface KindMapping {
  /** SQL that makes the file, for the other system's own client */
  query: string;
  /** what else has to be done on the other system, and how */
  note?: string;
  members: Record<string, Source>;
  /** only rows where columns have one of these values; others are skipped and counted */
  only?: Record<string, string[]>;
  /** values of accounts that are open there; others are skipped, or taken as closed */
  open?: Record<string, string[]>;
  /** columns of money without a place here: they must be empty or 0 */
  mustBeZero?: string[];
  /** columns that are known and not needed */
  ignored?: string[];
}

/** How files of another system are read. It is data: no code of a mapping runs. */
export interface Mapping {
  name: string;
  kinds: Partial<Record<MappedKindName, KindMapping>>;
}

/** A mapping is not valid. */
export class MappingFault extends Error {}

/** A mapping that ships with the service. @throws MappingFault */
export function shippedMapping(name: string): Mapping {
  if (!(SHIPPED as readonly string[]).includes(name)) {
    throw new MappingFault(`there is no mapping ${name}; there are ${SHIPPED.join(', ')}`);
  }
  const file = new URL(`./mappings/${name}.json`, import.meta.url);
  return readMapping(readFileSync(file, 'utf8'));
}

/** Reads a mapping's JSON. @throws MappingFault */
export function readMapping(text: string): Mapping {
  let value: Mapping;
  try {
    value = JSON.parse(text) as Mapping;
  } catch (error) {
    throw new MappingFault(`the mapping is not JSON: ${(error as Error).message}`);
  }
  const kinds = Object.entries(value?.kinds ?? {});
  const unknown = kinds.find(([kind]) => !(MAPPED_KINDS as readonly string[]).includes(kind));
  if (typeof value?.name !== 'string' || kinds.length === 0 || unknown) {
    throw new MappingFault(
      `a mapping has "name" and "kinds", which are ${MAPPED_KINDS.join(', ')}`,
    );
  }
  for (const [kind, { members }] of kinds) {
    if (typeof members !== 'object') throw new MappingFault(`"members" of ${kind} are missing`);
  }
  return value;
}

/** What a mapping makes of a row. */
export type Mapped =
  | { members: Map<string, string>; isClosed: boolean; givenUp: boolean }
  /** why the row is not taken */
  | { skipped: string }
  | { faults: { column: string; detail: string }[] };

/** Applies the mapping of one kind to rows. */
export class RowMapper {
  readonly #mapping: KindMapping;
  readonly #accepted: Set<string>;
  readonly #takesClosed: boolean;
  readonly #known: Set<string>;
  readonly #readers: [string, (cells: Cells) => string][];

  /**
   * @param options.accept columns of money that are given up
   * @param options.include rows that are closed on the other system are taken
   */
  constructor(
    mapping: Mapping,
    kind: MappedKindName,
    { accept, include = false }: { accept: string[]; include?: boolean | undefined },
  ) {
    const found = mapping.kinds[kind];
    if (!found) throw new MappingFault(`the mapping ${mapping.name} has no ${kind}`);
    this.#mapping = found;
    this.#accepted = new Set(accept.map(plainTitle));
    this.#takesClosed = include;
    const { members, only = {}, open = {}, mustBeZero = [], ignored = [] } = found;
    const used = Object.values(members).flatMap(columnsOf);
    const all = [...used, ...Object.keys({ ...only, ...open }), ...mustBeZero, ...ignored];
    this.#known = new Set(all.map(plainTitle));
    this.#readers = Object.entries(members).map(([name, source]) => [name, readerOf(source)]);
  }

  /**
   * The columns that nothing uses.
   * @returns `money`: those whose titles sound like money; they must not be lost unseen
   */
  unknownOf(titles: string[]): { unknown: string[]; money: string[] } {
    const left = titles.filter((title) => title !== '' && !this.#known.has(plainTitle(title)));
    const money = left.filter(
      (title) => MONEY.test(title) && !this.#accepted.has(plainTitle(title)),
    );
    return { unknown: left.filter((title) => !money.includes(title)), money };
  }

  map(cells: Map<string, string>): Mapped {
    const { only, open, mustBeZero = [] } = this.#mapping;
    const closed = mismatch(cells, open);
    const skipped = mismatch(cells, only) ?? (this.#takesClosed ? undefined : closed);
    if (skipped !== undefined) return { skipped };
    const nonZero = mustBeZero.filter(
      (column) => !/^-?0*([.,]0*)?$/.test(cells.get(plainTitle(column)) ?? ''),
    );
    const lost = nonZero.filter((column) => !this.#accepted.has(plainTitle(column)));
    if (lost.length > 0) {
      const detail = 'has no place here and would change bills; --accept takes the row without it';
      return { faults: lost.map((column) => ({ column, detail })) };
    }
    const members = new Map<string, string>();
    for (const [name, read] of this.#readers) members.set(name, read(cells));
    return { members, isClosed: closed !== undefined, givenUp: nonZero.length > 0 };
  }
}

/** Which column has none of the listed values. */
function mismatch(cells: Cells, listed: Record<string, string[]> = {}): string | undefined {
  for (const [column, values] of Object.entries(listed)) {
    const value = cells.get(plainTitle(column));
    if (value !== undefined && !values.includes(value)) return `${column} is ${value.slice(0, 20)}`;
  }
  return undefined;
}

const MONEY = /balance|credit|cash|cost|charge|fee|price|amount|debt/i;
const COLUMN = /\{([^{}]+)\}/g;

function columnsOf(source: Source): string[] {
  if (typeof source === 'string') return [...source.matchAll(COLUMN)].map(([, name = '']) => name);
  if (Array.isArray(source)) return source.flatMap(columnsOf);
  if ('constant' in source) return [];
  return [source.column, ...Object.keys(source.negateIf ?? {})];
}

type Cells = Map<string, string>;

/** Makes the function that reads a member from the cells of a row. */
function readerOf(source: Source): (cells: Cells) => string {
  if (typeof source === 'string') return templateOf(source);
  if (Array.isArray(source)) {
    const readers = source.map(readerOf);
    return (cells) => {
      for (const read of readers) {
        const value = read(cells);
        if (value !== '') return value;
      }
      return '';
    };
  }
  if ('constant' in source) return () => source.constant;
  const { values = {}, otherwise, empty = '', nothing = [], absolute, without = [] } = source;
  const column = plainTitle(source.column);
  const conditions = Object.entries(source.negateIf ?? {}).map(
    ([other, words]) => [plainTitle(other), words] as const,
  );
  return (cells) => {
    const given = without.reduce((text, part) => text.replace(part, ''), cells.get(column) ?? '');
    if (given === '' || nothing.includes(given)) return empty;
    const value = Object.hasOwn(values, given) ? (values[given] ?? '') : (otherwise ?? given);
    const plain = absolute ? value.replace(/^-/, '') : value;
    if (!conditions.some(([other, words]) => words.includes(cells.get(other) ?? ''))) return plain;
    return plain.startsWith('-') ? plain.slice(1) : `-${plain}`;
  };
}

/** A text with columns in braces; it is empty if all of them are. */
function templateOf(template: string): (cells: Cells) => string {
  const [first = '', ...rest] = template.split('{').map((part) => part.split('}'));
  const parts = rest.map(([name = '', text = '']) => [plainTitle(name), text] as const);
  const [column] = parts;
  if (parts.length === 1 && column && first[0] === '' && column[1] === '') {
    return (cells) => cells.get(column[0]) ?? '';
  }
  return (cells) => {
    const values = parts.map(([name]) => cells.get(name) ?? '');
    if (values.every((value) => value === '')) return '';
    return ((first[0] ?? '') + parts.map(([, text], n) => values[n] + text).join('')).trim();
  };
}
