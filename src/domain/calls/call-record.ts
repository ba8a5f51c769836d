import type { Readable } from 'node:stream';
import type { Reader } from '../../db/replica.ts';
import type { Caller } from '../access/caller.ts';

/** A range of whole Unix seconds, both bounds included. */
export interface SecondsRange {
  from: number;
  to: number;
}

/**
 * An account's own calls of a range, newest first, as the bytes of a JSON array's members: each
 * line is a comma and one row. Rows go from PostgreSQL to the reader as they come, so that any
 * number of them needs the same memory.
 */
export function streamCallRecords(
  db: Reader,
  caller: Caller,
  { from, to }: SecondsRange,
): Promise<Readable> {
  // COPY takes no parameters: these four are numbers, checked again here.
  const [account, billing, first, last] = [caller.username, caller.billingAccount, from, to].map(
    (value) => {
      if (!Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${value}`);
      return value;
    },
  );
  // The quote and delimiter are bytes that JSON text cannot hold, so nothing is ever quoted.
  return db.copyOut(`COPY (
    SELECT ',{"id":"' || replace(id::text, '-', '')
      || '","key":["' || account || '","' || floor(extract(epoch FROM started_at))::bigint
      || '"],"value":{"cid":' || to_json(caller) || ',"dst":' || to_json(called)
      || coalesce(',"ip":' || to_json(source_ip), '')
      || ',"dur":"' || (talk_microseconds + 999999) / 1000000
      || '","nr":"' || trim_scale(rate) || '"'
      || coalesce(',"ba":"' || round(amount, 6) || '"', '')
      || coalesce(',"cn":' || to_json(caller_name), '') || '}}'
    FROM call
    WHERE billing_account = ${billing} AND account = ${account}
      AND started_at >= to_timestamp(${first}) AND started_at < to_timestamp(${last}::bigint + 1)
    ORDER BY started_at DESC, id DESC
  ) TO STDOUT WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`);
}
