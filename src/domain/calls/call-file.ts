import { type Readable, Transform } from 'node:stream';
import type { Reader } from '../../db/replica.ts';
import { type CallFilter, callsOf, decodedName } from './call-list.ts';

/** How a file of calls is written. */
export type CallFileFormat = 'csv' | 'ndjson';

const CSV_COLUMNS =
  'start,account,caller,caller_name,called,source_ip,talk_seconds,billed_seconds,rate_per_minute,amount,id';

// PostgreSQL writes whole lines, so that a million of them cost this process next to no memory. The
// few texts that need more than it can do in an expression stand between these marks, as JSON and
// percent-encoded. Neither JSON nor a plain text can hold the bytes used here.
const MARK = 0x03;
const LINE_END = 0x04;

/**
 * All calls of a filter as a file, newest first. Rows go from PostgreSQL to the reader as they
 * come, so that any number of them needs the same memory.
 */
export async function streamCallFile(
  db: Reader,
  filter: CallFilter,
  format: CallFileFormat,
): Promise<Readable> {
  const { billingAccount, account } = filter.scope;
  const accounts = await db.query<{ username: number }>(
    'SELECT username FROM account WHERE master_account = $1 AND username = coalesce($2, username)',
    [billingAccount, account ?? null],
  );
  const calls = callsOf(
    filter,
    accounts.map(({ username }) => username),
  );
  const { head, line, cell } = FORMATS[format];
  const rows = await db.copyOut(
    `COPY (SELECT ${line} FROM (${calls}) c) TO STDOUT WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`,
  );
  const file = finished(head, cell);
  rows.on('error', (error) => file.destroy(error));
  file.on('close', () => rows.destroy());
  return rows.pipe(file);
}

const START = `to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const ID = `replace(id::text, '-', '')`;
const TALK_SECONDS = '(talk_microseconds + 999999) / 1000000';
const AMOUNT = 'round(amount, 6)';
// Spaces are all that most names have encoded.
const NAME = `replace(caller_name, '%20', ' ')`;

const marked = (encoded: string) => `e'\\x03' || to_json(${encoded}) || e'\\x03'`;

/** SQL of a cell: what nobody quotes and no spreadsheet computes is written as it is. */
const csvText = (plain: string, encoded: string) => `CASE
  WHEN ${plain} !~ '[^A-Za-z0-9 .]' OR ${plain} ~ '^[+][0-9]+$' THEN ${plain}
  ELSE ${marked(encoded)} END`;
const csvColumn = (name: string) => csvText(name, `replace(${name}, '%', '%25')`);

const CSV_LINE = `concat_ws(',', ${START}, account, ${csvColumn('caller')},
  coalesce(${csvText(NAME, 'caller_name')}, ''), ${csvColumn('called')},
  coalesce(${csvColumn('source_ip')}, ''), ${TALK_SECONDS}, billed_seconds, rate,
  coalesce(${AMOUNT}::text, ''), ${ID} || e'\\x04')`;

const NDJSON_LINE = `'{"start":"' || ${START} || '","id":"' || ${ID} || '","account":' || account
  || ',"caller":' || to_json(caller) || ',"called":' || to_json(called)
  || ',"sourceIp":' || coalesce(to_json(source_ip)::text, 'null')
  || ',"talkSeconds":' || ${TALK_SECONDS} || ',"billedSeconds":' || billed_seconds
  || ',"rate":"' || rate || '","amount":' || coalesce('"' || ${AMOUNT} || '"', 'null')
  || ',"callerName":' || CASE WHEN caller_name IS NULL THEN 'null'
    WHEN strpos(${NAME}, '%') = 0 THEN to_json(${NAME})::text
    ELSE ${marked('caller_name')} END || '}'`;

interface Format {
  head: string;
  /** SQL of a line */
  line: string;
  /** what stands in the file for a text between marks */
  cell: (text: string) => string;
}

const FORMATS: Record<CallFileFormat, Format> = {
  csv: { head: `${CSV_COLUMNS}\r\n`, line: CSV_LINE, cell: csvCell },
  ndjson: { head: '', line: NDJSON_LINE, cell: JSON.stringify },
};

// Where a cell begins for some reader: at the start, and after what else may tell cells apart.
const FORMULA = /(^|[,;|"\t\r\n])( *)(?=[=+@\-\uff1d\uff0b\uff0d\uff20])/g;

/**
 * Spreadsheets compute what looks like a formula, and callers choose what they are called. Some read
 * full-width signs like others, and split a line at semicolons or tabs, whatever is quoted.
 * Source: OWASP, CSV Injection.
 */
export function csvCell(text: string): string {
  const isNumber = /^[+-]?[0-9.]+$/.test(text);
  const safe = isNumber ? text : text.replace(FORMULA, "$1$2'");
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Puts cells in place of marked texts; bytes without any go through as they are. */
function finished(head: string, cell: (text: string) => string): Transform {
  /** from a mark on whose other one has not come yet */
  let rest: Buffer = Buffer.alloc(0);
  const file = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      endLines(bytes);
      const parts: Buffer[] = [];
      let from = 0;
      let open = bytes.indexOf(MARK);
      while (open !== -1) {
        const close = bytes.indexOf(MARK, open + 1);
        if (close === -1) break;
        const text = JSON.parse(bytes.toString('utf8', open + 1, close)) as string;
        parts.push(bytes.subarray(from, open), Buffer.from(cell(decodedName(text) ?? '')));
        from = close + 1;
        open = bytes.indexOf(MARK, from);
      }
      const end = open === -1 ? bytes.length : open;
      rest = bytes.subarray(end);
      const last = bytes.subarray(from, end);
      done(null, parts.length > 0 ? Buffer.concat([...parts, last]) : last);
    },
  });
  if (head) file.push(head);
  return file;
}

/** PostgreSQL would quote a line that holds a carriage return. */
function endLines(bytes: Buffer): void {
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) {
    bytes[at] = 0x0d;
  }
}
