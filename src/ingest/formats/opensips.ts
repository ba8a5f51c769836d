import type { ReportedCall } from '../../domain/calls/call.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import {
  decimalOf,
  isThere,
  MalformedRecord,
  type Parser,
  TALK_TOLERANCE_MS,
  talkTime,
  thereOr,
} from '../record.ts';
import { dialogCall } from './dialog-call.ts';
import { readJsonCalls } from './json-calls.ts';
import { momentOrLocal } from './local-time.ts';

type Members = Record<string, unknown>;

/**
 * Calls from OpenSIPS, as JSON: the events E_ACC_CDR and E_ACC_MISSED_EVENT, bare or as
 * the JSON-RPC notifications of event_stream, and rows of the tables `acc` and `missed_calls`.
 * `deploy/opensips/account-api.cfg` adds `call_ref`, `account`, `cid`, `dst`, `src_ip` and `cname`
 * to OpenSIPS' own members: `callid`, `from_tag`, `to_tag`, `sip_code`, `time` and `created`
 * (Unix seconds in events, the server's local time in tables), `setuptime`, `duration` (seconds)
 * and `ms_duration`.
 *
 * Sources: the documentation of module acc of OpenSIPS 3.5 (events, and the CDR columns) and its
 * modules/acc/acc.c.
 */
export function parseOpensips(body: Buffer, feed: Feed): ReturnType<Parser> {
  return readJsonCalls(body, (record) => readRow(paramsOf(record), feed));
}

/** The parameters of a JSON-RPC notification, or the record itself. */
function paramsOf(record: Members): Members {
  const { params } = record;
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return record;
  return params as Members;
}

/** @returns undefined for a record that is no call: `acc` also has BYEs and messages */
function readRow(record: Members, feed: Feed): ReportedCall | undefined {
  const method = thereOr(record.method, 'INVITE');
  if (typeof method !== 'string' || !/^[A-Z]+$/.test(method)) {
    throw new MalformedRecord('method is no method of SIP');
  }
  if (method !== 'INVITE') return undefined;
  const startedAt = startOf(record, feed);
  return dialogCall(record, feed, { startedAt, talkMicroseconds: talkMicroseconds(record) });
}

/** When the call was made; `time` is when it was answered. */
function startOf(record: Members, feed: Feed): Date {
  const name = isThere(record.created) ? 'created' : 'time';
  return momentOrLocal(record[name], name, feed.timeZone);
}

/** Seconds are rounded up, so milliseconds are preferred. */
function talkMicroseconds({ ms_duration, duration, sip_code, created }: Members): number {
  const seconds = isThere(duration) ? talkTime(duration, 'duration') : undefined;
  const exact = isThere(ms_duration) ? talkTime(ms_duration, 'ms_duration', 1_000) : undefined;
  if (exact !== undefined && seconds !== undefined) {
    if (Math.abs(exact - seconds) > TALK_TOLERANCE_MS * 1_000) {
      throw new MalformedRecord(`ms_duration ${ms_duration} is not duration ${duration}`);
    }
  }
  const talk = exact ?? seconds;
  // A refused or unanswered call has no duration. Without the flag "cdr", the table has answered
  // calls with duration 0 and without `created`.
  const isAnswered = !((decimalOf(sip_code) ?? 0) >= 300);
  if (isAnswered && (talk === undefined || (talk === 0 && !isThere(created)))) {
    throw new MalformedRecord('answered, and no duration: is "cdr" on in do_accounting?');
  }
  return talk ?? 0;
}
