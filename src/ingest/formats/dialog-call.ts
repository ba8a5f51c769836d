import type { ReportedCall } from '../../domain/calls/call.ts';
import type { Feed } from '../../domain/calls/feed.ts';
import {
  callerNumber,
  displayText,
  firstUsername,
  hashedId,
  idText,
  ipAddress,
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
 * The caller chooses the Call-ID, so Call-ID, both tags and the start identify a call together.
 * @throws MalformedRecord
 */
export function dialogCall(
  record: Record<string, unknown>,
  feed: Feed,
  times: Pick<ReportedCall, 'startedAt' | 'talkMicroseconds'>,
): ReportedCall {
  const callid = idText(record.callid, 'callid');
  const tags = [record.from_tag, record.to_tag].map((tag) => wholeText(tag, 'tag'));
  return {
    ...times,
    outcome: outcomeOfSip(record.sip_code),
    id: hashedId(feed, [callid, ...tags, times.startedAt.toISOString()]),
    account: firstUsername([record.account]),
    caller: callerNumber(record.cid, 'cid'),
    ...phoneNumber(record.dst, 'dst', feed),
    sourceIp: ipAddress(record.src_ip),
    callerName: displayText(record.cname, 'cname') || undefined,
    switchDebit: undefined,
    callId: idText(thereOr(record.call_ref, callid), 'call_ref'),
  };
}
