import type { ReportedCall } from '../domain/calls/call.ts';
import type { Feed } from '../domain/calls/feed.ts';
import { readCsvRows } from './csv-rows.ts';
import { localTime } from './local-time.ts';
import {
  callerNumber,
  displayText,
  firstUsername,
  hashedId,
  MalformedRecord,
  malformed,
  type ParsedRecord,
  phoneNumber,
  readRecord,
  talkTime,
} from './record.ts';

const COLUMNS = 16;
const MOST_COLUMNS = 21;
const UNIQUE_ID = /^(?:.+-)?\d+\.\d+$/;

/**
 * Rows of Asterisk's Master.csv: accountcode, src, dst, dcontext, clid, channel, dstchannel,
 * lastapp, lastdata, start, answer, end, duration, billsec, disposition, amaflags, and then what
 * cdr.conf switches on: uniqueid (`loguniqueid`), userfield (`loguserfield`), and peeraccount,
 * linkedid and sequence together (`newcdrcolumns`). Times are local ones of the feed's time zone,
 * UTC with `usegmtime`.
 *
 * A call is told by uniqueid and sequence; one without both by its whole row.
 * Source: cdr/cdr_csv.c of Asterisk (build_csv_record).
 */
export function parseAsterisk(body: Buffer, feed: Feed): ParsedRecord[] {
  return readCsvRows(body, {
    damaged: malformed,
    accepts: (fields) => fields.length >= COLUMNS && fields.length <= MOST_COLUMNS,
    read: (fields, origin) => readRecord(origin, () => readRow(fields, feed)),
  });
}

function readRow(fields: string[], feed: Feed): ReportedCall {
  if (fields.length < COLUMNS || fields.length > MOST_COLUMNS) {
    throw new MalformedRecord(
      `${fields.length} columns, where Master.csv has ${COLUMNS} to ${MOST_COLUMNS}`,
    );
  }
  const [accountcode, src, dst, , clid, , , , , start, , , , billsec, disposition] = fields;
  const { uniqueid, sequence } = optionalColumns(fields.slice(COLUMNS));
  return {
    id:
      uniqueid !== undefined && sequence !== undefined
        ? hashedId(feed, [uniqueid, sequence])
        : hashedId(feed, fields),
    account: firstUsername([accountcode]),
    startedAt: localTime(start, 'start', feed.timeZone),
    talkMicroseconds: disposition === 'ANSWERED' ? talkTime(billsec, 'billsec') : 0,
    caller: callerNumber(src, 'src'),
    called: phoneNumber(dst, 'dst'),
    sourceIp: undefined,
    callerName: nameOf(displayText(clid, 'clid'), src),
    switchDebit: undefined,
    callId: uniqueid,
  };
}

/** Of `"Alice" <2125550123>`; where there is no name, the number stands alone. */
function nameOf(clid: string, src: string | undefined): string | undefined {
  const name = clid.replace(/\s*<[^<>]*>?\s*$/, '');
  return name === '' || name === src ? undefined : name;
}

/** Each of them may be missing, and nothing but their form and order tells which are there. */
function optionalColumns(rest: string[]): { uniqueid?: string; sequence?: string } {
  const hasNew = rest.length >= 3;
  const [uniqueid = ''] = hasNew ? rest.slice(0, -3) : rest;
  const sequence = hasNew ? (rest.at(-1) ?? '') : '';
  return {
    ...(UNIQUE_ID.test(uniqueid) ? { uniqueid } : {}),
    ...(/^\d+$/.test(sequence) ? { sequence } : {}),
  };
}
