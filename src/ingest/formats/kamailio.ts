import type { ReportedCall } from '../../domain/calls/call.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import { readJsonRecords } from '../bodies/json-records.ts';
import {
  callerNumber,
  decimalOf,
  displayText,
  firstUsername,
  hashedId,
  idText,
  ipAddress,
  isThere,
  malformed,
  momentOf,
  type Parser,
  phoneNumber,
  readRecord,
  talkTime,
  talkWithin,
  wholeText,
} from '../record.ts';

/**
 * Records that Kamailio's acc_json writes for a dialog, with the members that
 * `deploy/kamailio/kamailio.cfg` adds by `cdr_extra`: `callid`, `from_tag`, `to_tag`, `call_ref`,
 * `account`, `cid`, `dst`, `src_ip` and `cname`. Times are Unix seconds, a call that was not
 * answered has the duration 0.
 *
 * The caller chooses the Call-ID, so a call is told by it, both tags and the start together.
 * Sources: modules acc and acc_json of Kamailio 5.6 (src/modules/acc/acc_cdr.c,
 * src/modules/acc_json/acc_json_mod.c), and records of a running one.
 */
export function parseKamailio(body: Buffer, feed: Feed): ReturnType<Parser> {
  return readJsonRecords(body, {
    damaged: malformed,
    read: (record, origin) => readRecord(origin, () => readCdr(record, feed)),
  });
}

function readCdr(record: Record<string, unknown>, feed: Feed): ReportedCall {
  const callid = idText(record.callid, 'callid');
  const startedAt = momentOf(record.start_time, 'start_time');
  const tags = [record.from_tag, record.to_tag].map((tag) => wholeText(tag, 'tag'));
  return {
    id: hashedId(feed, [callid, ...tags, startedAt.toISOString()]),
    account: firstUsername([record.account]),
    startedAt,
    talkMicroseconds: talkWithin(
      talkTime(record.duration, 'duration'),
      startedAt,
      endOf(record.end_time),
    ),
    caller: callerNumber(record.cid, 'cid'),
    called: phoneNumber(record.dst, 'dst'),
    sourceIp: ipAddress(record.src_ip),
    callerName: displayText(record.cname, 'cname') || undefined,
    switchDebit: undefined,
    callId: idText(record.call_ref ?? callid, 'call_ref'),
  };
}

/** @returns undefined where it is not told, which a call that was not answered has as 0 */
function endOf(endTime: unknown): Date | undefined {
  return isThere(endTime) && decimalOf(endTime) !== 0 ? momentOf(endTime, 'end_time') : undefined;
}
