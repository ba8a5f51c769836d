import { InvalidValue, wordProblem } from '../problem.ts';
import { PROBLEM_WORDS } from '../problem-words.ts';
import type { FileRow } from './file-rows.ts';
import type { Fault, ImportKind, ImportOptions, ReadRow } from './import-kind.ts';
import { converted, MemberFault } from './import-value.ts';
import type { MappedKindName, RowMapper } from './mapping.ts';

/** A row of the file after its mapping and its checks. */
export type Reading =
  | { row: ReadRow }
  | { line: number; key: string; skipped: string }
  | { line: number; key: string; faults: Fault[] };

/** The part of a kind that reading its rows needs. */
export interface ReadKind extends Pick<ImportKind, 'members' | 'check'> {
  name: MappedKindName;
}

/** Reads the rows of one kind. Faults name columns and rules, never the values of a file. */
export class RowReading {
  readonly #kind: ReadKind;
  readonly #mapper: RowMapper;
  readonly #options: ImportOptions;
  readonly #currency: string;

  constructor(
    kind: ReadKind,
    mapper: RowMapper,
    { options, currency }: { options: ImportOptions; currency: string },
  ) {
    this.#kind = kind;
    this.#mapper = mapper;
    this.#options = options;
    this.#currency = currency;
  }

  read({ line, cells, fault }: FileRow): Reading {
    if (!cells) return { line, key: `line ${line}`, faults: [{ detail: fault ?? '' }] };
    const mapped = this.#mapper.map(cells);
    if ('skipped' in mapped) return { line, key: `line ${line}`, skipped: mapped.skipped };
    if ('faults' in mapped) return { line, key: `line ${line}`, faults: mapped.faults };
    const { members, isClosed, givenUp } = mapped;
    const { usernameColumn } = this.#options;
    if (usernameColumn !== undefined && this.#kind.name === 'accounts') {
      members.set('username', cells.get(usernameColumn) ?? '');
    }
    const row: ReadRow = { line, values: { isClosed, givenUp } };
    const faults = this.#readMembers(row, members);
    if (faults.length === 0) faults.push(...(this.#kind.check?.(row, this.#options) ?? []));
    if (faults.length > 0) return { line, key: this.#nameOf(members, line), faults };
    return { row };
  }

  #readMembers(row: ReadRow, members: Map<string, string>): Fault[] {
    const faults: Fault[] = [];
    for (const [name, { read, isRequired }] of Object.entries(this.#kind.members)) {
      const text = members.get(name) ?? '';
      if (text === '') {
        if (isRequired) faults.push({ column: name, detail: 'Must be given' });
        continue;
      }
      try {
        row.values[name] = read(text, this.#options);
      } catch (error) {
        faults.push({ column: name, detail: this.#detailOf(error) });
      }
    }
    const unit = (members.get('currency') ?? '').toUpperCase();
    if (unit !== '' && unit !== this.#currency) this.#convert(row, unit, faults);
    return faults;
  }

  #convert({ values }: ReadRow, unit: string, faults: Fault[]): void {
    const rate = this.#options.currencies[unit];
    const money = Object.entries(this.#kind.members).filter(
      ([name, { isMoney }]) => isMoney && values[name] !== undefined,
    );
    for (const [name] of money) {
      if (rate === undefined) {
        const detail = `is in ${unit.slice(0, 3)}, and the books are in ${this.#currency}: add --currency ${unit.slice(0, 3)}=RATE`;
        faults.push({ column: name, detail });
      } else values[name] = converted(String(values[name]), rate);
    }
    if (rate !== undefined) values.convertedAt = `, at ${rate} for 1 ${unit}`;
  }

  #detailOf(error: unknown): string {
    if (error instanceof MemberFault) return error.message;
    if (error instanceof InvalidValue) return wordProblem(PROBLEM_WORDS, error.problem);
    throw error;
  }

  #nameOf(members: Map<string, string>, line: number): string {
    const name =
      ['externalId', 'number', 'username', 'prefix'].map((one) => members.get(one)).find(Boolean) ??
      '';
    return /^[\x20-\x7e]{1,120}$/.test(name) ? name : `line ${line}`;
  }
}
