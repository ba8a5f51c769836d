import type { Feed } from '../../domain/calls/feed.ts';
import { decimalOf, isThere, momentOf, type Parser, talkTime, talkWithin } from '../record.ts';
import { dialogCall } from './dialog-call.ts';
import { readJsonCalls } from './json-calls.ts';

/**
 * Records of a dialog from Kamailio's acc_json. `deploy/kamailio/kamailio.cfg` adds the members of
 * `dialogCall` by `cdr_extra`, `sip_code` only for calls that were not answered. Times are Unix
 * seconds. An unanswered call has the duration 0.
 *
 * Sources: modules acc and acc_json of Kamailio 5.6 (src/modules/acc/acc_cdr.c,
 * src/modules/acc_json/acc_json_mod.c), and records of a running Kamailio.
 */
export function parseKamailio(body: Buffer, feed: Feed): ReturnType<Parser> {
  return readJsonCalls(body, (record) => {
    const startedAt = momentOf(record.start_time, 'start_time');
    const talk = talkTime(record.duration, 'duration');
    const talkMicroseconds = talkWithin(talk, [startedAt], endOf(record.end_time));
    return dialogCall(record, feed, { startedAt, talkMicroseconds });
  });
}

/** @returns undefined where the end is missing or 0, as in unanswered calls */
function endOf(endTime: unknown): Date | undefined {
  return isThere(endTime) && decimalOf(endTime) !== 0 ? momentOf(endTime, 'end_time') : undefined;
}
