import { StoreUnavailable } from '../../db/errors.ts';
import type { Reader } from '../../db/replica.ts';
import type { Caller } from '../../domain/access/caller.ts';
import {
  type CallText,
  callPages,
  newestCallPage,
  newestCallPageOfKey,
} from '../../domain/calls/call-pages.ts';
import { unauthorized } from '../../domain/refusal.ts';
import type { Service } from '../../service.ts';

/** A range of whole Unix seconds, both bounds included. */
export interface SecondsRange {
  from: number;
  to: number;
}

interface Asker {
  service: Pick<Service, 'db' | 'reader'>;
  caller: () => Promise<Caller>;
  keyDigest: () => Promise<Buffer>;
}

/** SQL of a number within JSON's quotes. `to_json` takes three times as long. */
const quoted = (number: string) => `replace(replace(${number}, '\\', '\\\\'), '"', '\\"')`;

/**
 * SQL of a call's row, after a comma. Each text is closed by the one after it. Numbers have no control
 * characters (`displayText`); addresses and percent-encoded names have none that JSON escapes.
 */
export const CALL_RECORD = `',{"id":"' || encode(uuid_send(id), 'hex')
  || '","key":["' || account || '","' || floor(date_part('epoch', started_at))::bigint
  || '"],"value":{"cid":"' || ${quoted('caller')} || '","dst":"' || ${quoted('called')}
  || coalesce('","ip":"' || source_ip, '')
  || '","dur":"' || (talk_microseconds + 999999) / 1000000
  || '","nr":"' || trim_scale(rate)
  || coalesce('","ba":"' || amount, '')
  || coalesce('","cn":"' || caller_name, '') || '"}}'`;

const RECORDS: CallText = { name: 'call-records', line: CALL_RECORD };

/**
 * An account's own calls of a range, newest first, as members of a JSON array, each after a comma.
 * @returns a text or, if there are many calls, its parts
 */
async function callRecords(
  db: Reader,
  { username, billingAccount }: Caller,
  range: SecondsRange,
): Promise<string | AsyncIterable<string>> {
  const span = { billingAccount, accounts: [username], ...inMicroseconds(range) };
  const newest = await newestCallPage(db, span, RECORDS);
  return newest.next ? callPages(db, span, RECORDS, newest) : newest.text;
}

/**
 * As `callRecords`, for the account of a key.
 * @throws Refusal 'unauthorized' if no open account has the key
 */
export async function callRecordsFor(
  { service: { db, reader }, caller, keyDigest }: Asker,
  range: SecondsRange,
): Promise<string | AsyncIterable<string>> {
  const ofKey = async (from: Reader) => callRecordsOfKey(from, await keyDigest(), range);
  // A replica may not know a new key yet.
  const known = reader === db ? undefined : await callerIfKnown(caller);
  const rows = known ? await callRecords(reader, known, range) : await ofKey(reader);
  if (rows === undefined) throw unauthorized();
  return rows;
}

/** @returns undefined while the primary is away: then a replica alone finds account and calls */
async function callerIfKnown(caller: () => Promise<Caller>): Promise<Caller | undefined> {
  try {
    return await caller();
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}

/**
 * As `callRecords`, for the open account of a key. One statement reads the account and its calls,
 * so both come from the same database.
 * @returns undefined if no open account has the key
 */
async function callRecordsOfKey(
  db: Reader,
  digest: Buffer,
  range: SecondsRange,
): Promise<string | AsyncIterable<string> | undefined> {
  const newest = await newestCallPageOfKey(db, digest, inMicroseconds(range), RECORDS);
  if (!newest) return undefined;
  const { span, page } = newest;
  return page.next ? callPages(db, span, RECORDS, page) : page.text;
}

function inMicroseconds({ from, to }: SecondsRange): { from: bigint; before: bigint } {
  return { from: BigInt(from) * 1_000_000n, before: BigInt(to + 1) * 1_000_000n };
}
