import type { ReportedCall } from '../domain/calls/call.ts';
import type { Feed } from '../domain/calls/feed.ts';
import { readJsonRecords } from './json-records.ts';
import { localTime } from './local-time.ts';
import {
  callerNumber,
  decimalOf,
  displayText,
  firstUsername,
  hashedId,
  idText,
  ipAddress,
  MalformedRecord,
  malformed,
  momentOf,
  type ParsedRecord,
  phoneNumber,
  readRecord,
  talkTime,
  wholeText,
} from './record.ts';

type Members = Record<string, unknown>;

/**
 * What OpenSIPS tells of a call, as JSON: the events E_ACC_CDR and E_ACC_MISSED_EVENT, bare or as
 * the JSON-RPC notifications of event_stream, and rows of the tables `acc` and `missed_calls`.
 * `deploy/opensips/opensips.cfg` adds `call_ref`, `account`, `cid`, `dst`, `src_ip` and `cname` to the members
 * that OpenSIPS has of its own: `callid`, `from_tag`, `to_tag`, `sip_code`, `time` and `created`
 * (Unix seconds in events, the server's local time in tables), `setuptime`, `duration` (seconds)
 * and `ms_duration`.
 *
 * Sources: the documentation of module acc of OpenSIPS 3.5 (events, and the CDR columns) and its
 * modules/acc/acc.c.
 */
export function parseOpensips(body: Buffer, feed: Feed): ParsedRecord[] {
  return readJsonRecords(body, {
    damaged: malformed,
    read: (record, origin) => readRecord(origin, () => readCdr(paramsOf(record), feed)),
  });
}

/** The parameters of a JSON-RPC notification, or the record itself. */
function paramsOf(record: Members): Members {
  const { params } = record;
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return record;
  return params as Members;
}

function readCdr(record: Members, feed: Feed): ReportedCall {
  const callid = idText(record.callid, 'callid');
  const startedAt = startOf(record, feed);
  const tags = [record.from_tag, record.to_tag].map((tag) => wholeText(tag, 'tag'));
  return {
    id: hashedId(feed, [callid, ...tags, startedAt.toISOString()]),
    account: firstUsername([record.account]),
    startedAt,
    talkMicroseconds: talkMicroseconds(record),
    caller: callerNumber(record.cid, 'cid'),
    called: phoneNumber(record.dst, 'dst'),
    sourceIp: ipAddress(record.src_ip),
    callerName: displayText(record.cname, 'cname') || undefined,
    switchDebit: undefined,
    callId: idText(record.call_ref ?? callid, 'call_ref'),
  };
}

/** When the call was made; `time` is when it was answered. */
function startOf(record: Members, feed: Feed): Date {
  const { created, time } = record;
  const name = isThere(created) ? 'created' : 'time';
  const value = isThere(created) ? created : time;
  return decimalOf(value) === undefined
    ? localTime(value, name, feed.timeZone)
    : momentOf(value, name);
}

/** Whole seconds cut both ends, so milliseconds are taken where they are there. */
function talkMicroseconds({ ms_duration, duration, sip_code }: Members): number {
  if (isThere(ms_duration)) return talkTime(ms_duration, 'ms_duration', 1_000);
  if (isThere(duration)) return talkTime(duration, 'duration');
  // A call that was refused or not answered has neither.
  if ((decimalOf(sip_code) ?? 0) >= 300) return 0;
  throw new MalformedRecord('duration is missing');
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
