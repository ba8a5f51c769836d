import type { ReportedCall } from '../../domain/calls/call.ts';
import type { CallOutcome } from '../../domain/calls/call-outcome.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import { csvHeader, readCsvRows, readNamedRows } from '../bodies/csv-rows.ts';
import {
  callerNumber,
  displayText,
  firstUsername,
  hashedId,
  MalformedRecord,
  malformed,
  type Parser,
  phoneNumber,
  readRecord,
  talkTime,
  talkWithin,
  wholeText,
} from '../record.ts';
import { momentOrLocal } from './local-time.ts';

const COLUMNS = [
  'accountcode',
  'src',
  'dst',
  'dcontext',
  'clid',
  'channel',
  'dstchannel',
  'lastapp',
  'lastdata',
  'start',
  'answer',
  'end',
  'duration',
  'billsec',
  'disposition',
  'amaflags',
];
const MOST_COLUMNS = 21;
const UNIQUE_ID = /^(?:.+-)?\d+\.\d+$/;
const DISPOSITIONS: Record<string, CallOutcome | undefined> = {
  ANSWERED: 'answered',
  'NO ANSWER': 'no answer',
  BUSY: 'busy',
  FAILED: 'failed',
  CONGESTION: 'failed',
  UNKNOWN: undefined,
};

type Members = Record<string, string>;

/**
 * Rows of Asterisk's Master.csv: accountcode, src, dst, dcontext, clid, channel, dstchannel,
 * lastapp, lastdata, start, answer, end, duration, billsec, disposition, amaflags, and then the
 * columns that cdr.conf switches on: uniqueid (`loguniqueid`), userfield (`loguserfield`), and
 * peeraccount, linkedid and sequence together (`newcdrcolumns`). A first line with these names can
 * set another order, as cdr_custom writes it. Times are local times in the feed's time zone, UTC
 * with `usegmtime`, or Unix seconds.
 *
 * Uniqueid and sequence identify a call; without both its whole row does.
 * Sources: cdr/cdr_csv.c of Asterisk (build_csv_record), ast_cdr_disp2str in main/cdr.c, and
 * configs/samples/cdr_custom.conf.sample.
 */
export function parseAsterisk(body: Buffer, feed: Feed): ReturnType<Parser> {
  const header = csvHeader(body);
  if (header) {
    return readNamedRows(body, header, {
      damaged: malformed,
      read: (members, origin, fields) => readRecord(origin, () => readRow(members, fields, feed)),
    });
  }
  return readCsvRows(body, {
    damaged: malformed,
    accepts: (fields) => fields.length >= COLUMNS.length && fields.length <= MOST_COLUMNS,
    read: (fields, origin) => readRecord(origin, () => readRow(membersOf(fields), fields, feed)),
  });
}

/** Names the columns of a row in the order of Master.csv. */
function membersOf(fields: string[]): Members {
  if (fields.length < COLUMNS.length || fields.length > MOST_COLUMNS) {
    throw new MalformedRecord(
      `${fields.length} columns, where Master.csv has ${COLUMNS.length} to ${MOST_COLUMNS}`,
    );
  }
  const members = COLUMNS.map((name, n) => [name, fields[n] ?? '']);
  return { ...Object.fromEntries(members), ...optionalColumns(fields.slice(COLUMNS.length)) };
}

function readRow(row: Members, fields: string[], feed: Feed): ReportedCall {
  const { timeZone } = feed;
  const { disposition = '', sequence = '' } = row;
  const uniqueid = wholeText(row.uniqueid, 'uniqueid');
  if (!Object.hasOwn(DISPOSITIONS, disposition)) {
    throw new MalformedRecord(
      `disposition is "${displayText(disposition, 'disposition')}": where the columns have another ` +
        'order than in Master.csv, a first line must name them',
    );
  }
  if (row.dst === undefined) throw new MalformedRecord('the first line names no column dst');
  // Unanswered calls are checked too: shifted columns would go unnoticed there.
  const duration = talkTime(row.duration, 'duration');
  const billed = talkTime(row.billsec, 'billsec');
  const talk = disposition === 'ANSWERED' ? billed : 0;
  const startedAt = momentOrLocal(row.start, 'start', timeZone);
  const answeredAt = row.answer ? momentOrLocal(row.answer, 'answer', timeZone) : startedAt;
  const endedAt = row.end ? momentOrLocal(row.end, 'end', timeZone, 'last') : undefined;
  const talkMicroseconds = talkWithin(talk, [startedAt, answeredAt], endedAt);
  talkWithin(talk, [startedAt], new Date(startedAt.getTime() + duration / 1_000));
  return {
    id: uniqueid && sequence ? hashedId(feed, [uniqueid, sequence]) : hashedId(feed, fields),
    account: firstUsername([row.accountcode]),
    startedAt,
    talkMicroseconds,
    outcome: DISPOSITIONS[disposition],
    caller: callerNumber(row.src, 'src'),
    ...phoneNumber(row.dst, 'dst', feed),
    sourceIp: undefined,
    callerName: nameOf(displayText(row.clid, 'clid'), row.src),
    switchDebit: undefined,
    callId: uniqueid || undefined,
  };
}

/** The name in `"Alice" <2125550123>`; without a name the number stands alone. */
function nameOf(clid: string, src: string | undefined): string | undefined {
  const text = clid.trimEnd();
  const open = text.lastIndexOf('<');
  const close = text.indexOf('>', Math.max(open, 0));
  const hasNumber = open !== -1 && (close === -1 || close === text.length - 1);
  const name = hasNumber ? text.slice(0, open).trimEnd() : clid;
  return name === '' || name === src ? undefined : name;
}

/** Each of these columns may be missing. Only their form and order show which are present. */
function optionalColumns(rest: string[]): Members {
  const hasNew = rest.length >= 3;
  const [uniqueid = ''] = hasNew ? rest.slice(0, -3) : rest;
  const sequence = hasNew ? (rest.at(-1) ?? '') : '';
  return {
    ...(UNIQUE_ID.test(uniqueid) ? { uniqueid } : {}),
    ...(/^\d+$/.test(sequence) ? { sequence } : {}),
  };
}
