import type { Database } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Actor } from '../audit.ts';
import type { Decimal } from '../money.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { ReadMember } from './import-value.ts';
import type { ImportKindName } from './mapping.ts';
import type { RowNames } from './row-names.ts';

export const MODES = ['create', 'upsert'] as const;

/** How a file is imported. It is stored with the run, so it holds no secret. */
export interface ImportOptions {
  mapping: string;
  /** the JSON of a mapping that does not ship with the service */
  ownMapping?: string | undefined;
  mode: (typeof MODES)[number];
  dryRun: boolean;
  /** nothing is written if a row of the file is faulty */
  allOrNothing: boolean;
  encoding: 'utf-8' | 'latin1';
  /** left out: usernames of ten digits are kept, and others generated */
  usernames?: 'keep' | 'generate' | undefined;
  /** a column that has the usernames */
  usernameColumn?: string | undefined;
  /** whether passwords and their hashes are taken over */
  passwords: 'none' | 'take';
  /** accounts that are closed on the other system are taken as closed */
  include?: boolean | undefined;
  acceptWeakSip: boolean;
  /** columns of money that are given up */
  accept: string[];
  roundRates: boolean;
  /** the value of one unit of other currencies, by code */
  currencies: Record<string, Decimal>;
  /** the month from which services and numbers are charged, such as `2030-12` */
  firstCharge?: string | undefined;
}

/** The options of a file in the neutral form, from which nothing is left out. */
export const PLAIN_OPTIONS: ImportOptions = {
  mapping: 'neutral',
  mode: 'create',
  dryRun: false,
  allOrNothing: false,
  encoding: 'utf-8',
  passwords: 'none',
  acceptWeakSip: false,
  accept: [],
  roundRates: false,
  currencies: {},
};

/** What an import needs in addition to the file. */
export interface ImportTools {
  db: Database;
  keyring: Keyring;
  queue: Queue;
  actor: Actor;
  now: Date;
  /** of accounts without a rate */
  rate: Decimal;
  sipRealm: string;
  /** the currency of the books */
  currency: string;
  options: ImportOptions;
  /** what rows of the whole file are called (`keysOf`) */
  names: RowNames;
  /** passwords, keys and SIP secrets are made for the operator, who passes them on */
  wantsCredentials: boolean;
}

export interface Fault {
  column?: string | undefined;
  detail: string;
}

/** A row whose values are read. */
export interface ReadRow {
  line: number;
  values: Record<string, unknown>;
}

export type RowStatus = 'created' | 'updated' | 'unchanged' | 'skipped' | 'failed';

/** Credentials that only the operator's own file shows. */
export interface NewCredentials {
  externalId: string;
  username: string;
  password: string;
  apikey: string;
  sipSecret: string;
}

/** What became of a row. */
export interface RowResult {
  line: number;
  key: string;
  account?: number | undefined;
  status: RowStatus;
  errors: Fault[];
  /** an amount of money, to be summed up by name */
  sum?: { name: string; amount: Decimal } | undefined;
  credentials?: NewCredentials | undefined;
}

interface Member {
  read: ReadMember;
  isRequired?: true;
  /** an amount in the currency of the row */
  isMoney?: true;
}

/** A kind of things that are imported. The engine knows only this description. */
export interface ImportKind {
  name: ImportKindName;
  members: Record<string, Member>;
  /** what is wrong between the values of a row */
  check?: (row: ReadRow, options: ImportOptions) => Fault[];
  /** what no other row of the file may have, the name of the row first */
  keysOf: (row: ReadRow) => string[];
  /** what no two rows should share; sharing it is a weakness */
  sharedOf?: (row: ReadRow) => string;
  /** the pass over the file in which a row is written; rows may need others of the first pass */
  passOf?: (row: ReadRow) => 1 | 2;
  /** long work before the transaction */
  prepare?: (tools: ImportTools, rows: ReadRow[]) => Promise<void>;
  /**
   * Writes rows in a transaction. Where one cannot be written, it throws, and the engine tries
   * smaller groups; a row that is refused for itself is a result.
   */
  write: (tools: ImportTools, rows: ReadRow[]) => Promise<RowResult[]>;
}

/** The result of a row. @param key the name of the row */
export function result(
  row: ReadRow,
  key: string,
  status: RowStatus,
  more: Partial<RowResult> = {},
): RowResult {
  return { line: row.line, key, status, errors: [], ...more };
}

/** The result of a row that is not written. */
export function failed(
  row: { line: number },
  key: string,
  detail: string,
  column?: string,
): RowResult {
  return { line: row.line, key, status: 'failed', errors: [{ column, detail }] };
}
