import type { ReportedCall } from '../../domain/calls/call.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import { csvHeader, readNamedRows } from '../bodies/csv-rows.ts';
import {
  callerNumber,
  callId,
  debitOf,
  displayText,
  firstUsername,
  idText,
  ipAddress,
  isThere,
  MalformedRecord,
  malformed,
  type Parser,
  phoneNumber,
  readRecord,
  talkTime,
  talkWithin,
  thereOr,
} from '../record.ts';
import { readJsonCalls } from './json-calls.ts';
import { momentOrLocal } from './local-time.ts';
import { outcomeOfWord } from './outcome.ts';

type Members = Record<string, unknown>;

/**
 * The service's own format, documented in `docs/ingest.md`: JSON objects with `id`, `account`,
 * `start` (Unix seconds or ISO 8601), `duration` (seconds of talk, 0 unanswered), `cid`, `dst`, and
 * optionally `end` (as `start`), `ip`, `cn`, `outcome` and `call_id`: the call id sent to
 * `authorize`, where that is not `id`. A feed whose switch debits adds `rate` and `amount`. The format is
 * also read as CSV, with these names in the first line.
 */
export function parseGeneric(body: Buffer, feed: Feed): ReturnType<Parser> {
  const header = csvHeader(body);
  if (header) {
    return readNamedRows(body, header, {
      damaged: malformed,
      read: (members, origin) => readRecord(origin, () => readCall(filled(members), feed)),
    });
  }
  return readJsonCalls(body, (record) => readCall(record, feed));
}

/** Drops empty fields: they count as missing members. */
function filled(members: Record<string, string>): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''));
}

function readCall(record: Members, feed: Feed): ReportedCall {
  const { end } = record;
  const account = firstUsername([record.account]);
  if (isThere(record.account) && account === undefined) {
    throw new MalformedRecord('account is no username of ten digits');
  }
  const startedAt = momentOrLocal(record.start, 'start', undefined);
  const talkMicroseconds = talkTime(record.duration, 'duration');
  return {
    id: callId(record.id, feed),
    account,
    startedAt,
    talkMicroseconds: talkWithin(
      talkMicroseconds,
      [startedAt],
      isThere(end) ? momentOrLocal(end, 'end', undefined) : undefined,
    ),
    outcome: outcomeOfWord(record.outcome),
    caller: callerNumber(record.cid, 'cid'),
    ...phoneNumber(record.dst, 'dst', feed),
    sourceIp: ipAddress(record.ip),
    callerName: displayText(record.cn, 'cn') || undefined,
    switchDebit: feed.debits === 'switch' ? switchDebit(record, talkMicroseconds) : undefined,
    callId: idText(thereOr(record.call_id, record.id), 'call_id'),
  };
}

function switchDebit(
  { rate, amount }: Members,
  talkMicroseconds: number,
): ReportedCall['switchDebit'] {
  const debit = debitOf({ rate, amount }, ['rate', 'amount']);
  // For an answered call a rate alone does not give the debited amount.
  const isTold = isThere(amount) || !isThere(rate) || talkMicroseconds === 0;
  return isTold ? debit : { rate: debit.rate, amount: undefined };
}
