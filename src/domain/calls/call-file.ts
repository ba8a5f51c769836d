import type { Queryable } from '../../db/database.ts';
import type { Reader } from '../../db/replica.ts';
import type { Decimal } from '../money.ts';
import { type CallFilter, decodedName, matchesSearch, searchValues } from './call-list.ts';
import { type CallOutcome, matchesOutcome, OUTCOME_OF } from './call-outcome.ts';
import { type CallSpan, callPages } from './call-pages.ts';
import { type CallScan, scanLines } from './call-scan.ts';

export type CallFileFormat = 'csv' | 'ndjson';

const CSV_COLUMNS =
  'start,account,caller,caller_name,called,source_ip,talk_seconds,billed_seconds,rate_per_minute,amount,id,outcome';

// PostgreSQL writes whole lines. A few texts need more than an SQL expression can do. They stand
// between these marks, percent-encoded and as JSON; neither JSON nor a plain text can hold a mark.
const MARK = '\x03';

/** The calls that match a filter, newest first, as parts of a file. */
export async function* callFile(
  db: Reader,
  filter: CallFilter,
  format: CallFileFormat,
): AsyncGenerator<string> {
  const { head, line, cell } = FORMATS[format];
  if (head !== '') yield head;
  const span = await spanOf(db, filter);
  const { text, encoded } = searchValues(filter.search);
  const lines = {
    name: `${format}-lines`,
    line,
    matches: `${matchesSearch('$7', '$8')} AND ${matchesOutcome('$9')}`,
    values: [text, encoded, filter.outcome ? [filter.outcome] : null],
  };
  for await (const page of callPages(db, span, lines)) {
    yield withTexts(page, cell);
  }
}

/** Puts the texts that stand between marks into lines. */
function withTexts(lines: string, cell: Format['cell']): string {
  return lines
    .split(MARK)
    .map((part, n) => (n % 2 === 0 ? part : cell(decodedName(JSON.parse(part)) ?? '')))
    .join('');
}

/** The calls of all accounts that match, newest first, as parts of a file. */
export async function* installationFile(
  db: Queryable,
  scan: CallScan,
  format: CallFileFormat,
): AsyncGenerator<string> {
  const { head, line, cell } = FORMATS[format];
  if (head !== '') yield head;
  for await (const lines of scanLines(db, scan, line)) yield withTexts(lines, cell);
}

async function spanOf(db: Reader, { scope, range }: CallFilter): Promise<CallSpan> {
  const { billingAccount, account } = scope;
  const accounts = await db.query<{ username: number }>(
    'SELECT username FROM account WHERE master_account = $1 AND username = coalesce($2, username)',
    [billingAccount, account ?? null],
  );
  const bounds = await db.query<{ at: string }>(
    `SELECT (extract(epoch FROM day AT TIME ZONE $3) * 1000000)::bigint::text AS at
     FROM unnest(ARRAY[$1::timestamp, $2::timestamp + interval '1 day']) AS day`,
    [range.from, range.to, range.timeZone],
  );
  const [from = 0n, before = 0n] = bounds.map(({ at }) => BigInt(at));
  return { billingAccount, accounts: accounts.map(({ username }) => username), from, before };
}

const START = `to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const ID = `replace(id::text, '-', '')`;
const TALK_SECONDS = '(talk_microseconds + 999999) / 1000000';
const AMOUNT = 'round(amount, 6)';
// Most encoded names differ from the plain ones in spaces only.
const NAME = `replace(caller_name, '%20', ' ')`;

const marked = (encoded: string) => `e'\\x03' || to_json(${encoded}) || e'\\x03'`;

/** SQL of a cell. A text that needs no quotes and is no formula is written as it is. */
const csvText = (plain: string, encoded: string) => `CASE
  WHEN ${plain} !~ '[^A-Za-z0-9 .]' OR ${plain} ~ '^[+][0-9]+$' THEN ${plain}
  ELSE ${marked(encoded)} END`;
const csvColumn = (name: string) => csvText(name, `replace(${name}, '%', '%25')`);

const CSV_LINE = `concat_ws(',', ${START}, account, ${csvColumn('caller')},
  coalesce(${csvText(NAME, 'caller_name')}, ''), ${csvColumn('called')},
  coalesce(${csvColumn('source_ip')}, ''), ${TALK_SECONDS}, billed_seconds, rate,
  coalesce(${AMOUNT}::text, ''), ${ID}, coalesce(${OUTCOME_OF}, '') || e'\\r\\n')`;

const NDJSON_LINE = `'{"start":"' || ${START} || '","id":"' || ${ID} || '","account":' || account
  || ',"caller":' || to_json(caller) || ',"called":' || to_json(called)
  || ',"sourceIp":' || coalesce(to_json(source_ip)::text, 'null')
  || ',"talkSeconds":' || ${TALK_SECONDS}
  || ',"outcome":' || coalesce('"' || ${OUTCOME_OF} || '"', 'null') || ',"billedSeconds":' || billed_seconds
  || ',"rate":"' || rate || '","amount":' || coalesce('"' || ${AMOUNT} || '"', 'null') || coalesce(',"fee":"' || fee || '"', '')
  || ',"callerName":' || CASE WHEN caller_name IS NULL THEN 'null'
    WHEN strpos(${NAME}, '%') = 0 THEN to_json(${NAME})::text
    ELSE ${marked('caller_name')} END || e'}\\n'`;

interface Format {
  head: string;
  /** SQL of a line */
  line: string;
  /** what the file gets in place of a text between marks */
  cell: (text: string) => string;
}

const FORMATS: Record<CallFileFormat, Format> = {
  csv: { head: `${CSV_COLUMNS}\r\n`, line: CSV_LINE, cell: csvCell },
  ndjson: { head: '', line: NDJSON_LINE, cell: JSON.stringify },
};

/** A stored call that is written to a file. */
export interface WrittenCall {
  /** ISO 8601 in UTC, with six places */
  start: string;
  account: number;
  caller: string;
  /** percent-encoded */
  callerName?: string;
  called: string;
  sourceIp?: string;
  talkMicroseconds: number;
  outcome?: CallOutcome;
  billedSeconds: number;
  rate: Decimal;
  amount?: Decimal;
  id: string;
}

/** The CSV of a download, for calls that are no longer in the database. */
export const csvCall = {
  head: FORMATS.csv.head,
  line: (call: WrittenCall) =>
    `${[
      `${call.start.slice(0, 23)}Z`,
      call.account,
      csvCell(call.caller),
      csvCell(decodedName(call.callerName ?? null) ?? ''),
      csvCell(call.called),
      csvCell(call.sourceIp ?? ''),
      Math.ceil(call.talkMicroseconds / 1_000_000),
      call.billedSeconds,
      call.rate,
      call.amount ?? '',
      call.id,
      call.outcome ?? '',
    ].join(',')}\r\n`,
};

// Where a reader may begin a cell: at the start, and after any character that may separate cells.
const FORMULA = /(^|[,;|"\t\r\n])( *)(?=[=+@\-\uff1d\uff0b\uff0d\uff20])/g;

/**
 * Makes a text safe as a CSV cell. Spreadsheets compute texts that look like formulas, and callers
 * choose their own names. Some spreadsheets accept full-width signs, and split lines at semicolons
 * or tabs even within quotes. Source: OWASP, CSV Injection.
 */
export function csvCell(text: string): string {
  const isNumber = /^[+-]?[0-9.]+$/.test(text);
  const safe = isNumber ? text : text.replace(FORMULA, "$1$2'");
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
