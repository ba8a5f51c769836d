import type { ReportedCall } from '../../domain/calls/call.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import {
  callerNumber,
  displayText,
  firstUsername,
  hashedId,
  idText,
  ipAddress,
  isDamaged,
  isThere,
  MalformedRecord,
  phoneNumber,
  thereOr,
  wholeText,
} from '../record.ts';
import { outcomeOfSip } from './outcome.ts';

/**
 * A call of a SIP proxy's dialog. The configurations in `deploy/` give Kamailio's and OpenSIPS'
 * records the same members: `callid`, `from_tag`, `to_tag`, `call_ref`, `account`, `cid`, `dst`,
 * `src_ip`, `cname` and `sip_code`.
 *
 * The caller chooses the Call-ID, so Call-ID, both tags and the start identify a call together. A
 * phone may put any characters there. Where they do not identify, the switch's own id does, because
 * such a call must be billed too.
 * @throws MalformedRecord
 */
export function dialogCall(
  record: Record<string, unknown>,
  feed: Feed,
  times: Pick<ReportedCall, 'startedAt' | 'talkMicroseconds'>,
): ReportedCall {
  const { callid, call_ref, dst } = record;
  if (dst === undefined && times.talkMicroseconds > 0) {
    throw new MalformedRecord("dst is missing: each call would cost the account's own rate");
  }
  const tags = [record.from_tag, record.to_tag];
  const usesRef = isThere(call_ref) && [callid, ...tags].some(isDamaged);
  const identity = usesRef
    ? [idText(call_ref, 'call_ref')]
    : [idText(callid, 'callid'), ...tags.map((tag) => wholeText(tag, 'tag'))];
  return {
    ...times,
    outcome: outcomeOfSip(record.sip_code),
    id: hashedId(feed, [...identity, times.startedAt.toISOString()]),
    account: firstUsername([record.account]),
    caller: callerNumber(record.cid, 'cid'),
    ...phoneNumber(dst, 'dst', feed),
    sourceIp: ipAddress(record.src_ip),
    callerName: displayText(record.cname, 'cname') || undefined,
    switchDebit: undefined,
    callId: idText(thereOr(call_ref, callid), 'call_ref'),
  };
}
