import type { Database } from '../db/database.ts';
import { type ReportedCall, storeCalls } from '../domain/calls/call.ts';
import type { StoreCalls } from '../domain/calls/call-gathering.ts';
import { type RefusedRecord, setAside } from '../domain/calls/call-refused.ts';
import { oldestTakenIn } from '../domain/calls/call-retention.ts';
import type { Feed, FeedFormat } from '../domain/calls/feed.ts';
import { parseAsterisk } from './asterisk.ts';
import { parseFreeswitch } from './freeswitch.ts';
import { parseGeneric } from './generic.ts';
import { parseKamailio } from './kamailio.ts';
import { parseOpensips } from './opensips.ts';
import type { Origin, ParsedRecord, Parser } from './record.ts';

export const PARSERS: Record<FeedFormat, Parser> = {
  freeswitch: parseFreeswitch,
  kamailio: parseKamailio,
  opensips: parseOpensips,
  asterisk: parseAsterisk,
  generic: parseGeneric,
};

const DAY_MS = 86_400_000;
// Each debits an account once, so that larger ones take less for a call; but one must be done well
// before it counts as unanswered.
const BATCH = 5_000;

export interface TakenIn {
  /** calls that are new */
  stored: number;
  /** calls that were there already */
  duplicates: number;
  /** legs that are recorded with another leg's call */
  unbilled: number;
  /** set aside */
  refused: number;
  warningsDue: boolean;
}

export interface TakeInOptions {
  now: Date;
  retentionMonths: number;
  /** stores the calls; left out, in batches of their own */
  store?: StoreCalls;
}

/**
 * Takes in a body: every record is stored, was there already, or is set aside once this resolves.
 * @returns the counts, and what was set aside with its reason
 */
export function takeIn(
  db: Database,
  feed: Feed,
  body: Buffer,
  options: TakeInOptions,
): Promise<TakenIn & { refusals: RefusedRecord[] }> {
  return takeInRecords(db, feed, PARSERS[feed.format](body, feed), options);
}

/** The same for records that were read already. */
export async function takeInRecords(
  db: Database,
  feed: Feed,
  records: ParsedRecord[],
  options: TakeInOptions,
): Promise<TakenIn & { refusals: RefusedRecord[] }> {
  const total = { stored: 0, duplicates: 0, unbilled: 0, refused: 0, warningsDue: false };
  const refusals: RefusedRecord[] = [];
  const oldest = await oldestTakenIn(db, options.now, options.retentionMonths);
  for (let start = 0; start < records.length; start += BATCH) {
    const batch = records.slice(start, start + BATCH);
    const { stored, duplicates, unbilled, warningsDue, refused } = await takeInBatch(
      db,
      feed,
      batch,
      { ...options, oldest },
    );
    total.stored += stored;
    total.duplicates += duplicates;
    total.unbilled += unbilled;
    total.refused += refused.length;
    total.warningsDue ||= warningsDue;
    refusals.push(...refused);
  }
  return { ...total, refusals };
}

async function takeInBatch(
  db: Database,
  feed: Feed,
  records: ParsedRecord[],
  options: TakeInOptions & { oldest: Date },
) {
  const { now, oldest } = options;
  const { store = (...delivery) => storeCalls(db, ...delivery) } = options;
  const calls: { call: ReportedCall; origin: Origin }[] = [];
  const refused: RefusedRecord[] = [];
  const refuse = (origin: Origin, reason: RefusedRecord['reason'], detail: string) => {
    const place = origin.place ? ` (${origin.place()})` : '';
    refused.push({
      reason,
      detail: detail + place,
      raw: origin.raw(),
      decoded: origin.decoded?.(),
    });
  };
  let unbilled = 0;
  for (const record of records) {
    if (record.kind === 'unbilled leg') unbilled++;
    else if (record.kind === 'refused') refuse(record.origin, record.reason, record.detail);
    else {
      const problem = outsideOfTime(record.call, now, oldest);
      if (problem) refuse(record.origin, problem.reason, problem.detail);
      else calls.push(record);
    }
  }
  const reported = calls.map(({ call }) => call);
  const result = await store(feed.name, reported, now);
  for (const position of result.unknownAccounts) {
    const { call, origin } = calls[position] as (typeof calls)[number];
    const { account, called } = call;
    const detail = account ? `there is no account ${account}` : `nobody has the number ${called}`;
    refuse(origin, 'unknown account', detail);
  }
  for (const position of result.conflicts) {
    const { origin } = calls[position] as (typeof calls)[number];
    refuse(origin, 'conflict', 'a call with this id and start is stored with other content');
  }
  await setAside(db, feed, refused, now);
  const { stored, duplicates, warningsDue } = result;
  return { stored, duplicates, unbilled, warningsDue, refused };
}

function outsideOfTime(
  call: ReportedCall,
  now: Date,
  oldest: Date,
): Pick<RefusedRecord, 'reason' | 'detail'> | undefined {
  const { startedAt, talkMicroseconds } = call;
  const start = startedAt.toISOString();
  if (startedAt < oldest) {
    return { reason: 'too old', detail: `it started at ${start}, before the retention` };
  }
  const latest = now.getTime() + DAY_MS;
  if (startedAt.getTime() > latest) {
    return { reason: 'in the future', detail: `it starts at ${start}, more than a day ahead` };
  }
  const end = new Date(startedAt.getTime() + talkMicroseconds / 1_000);
  if (end.getTime() <= latest) return undefined;
  const detail = `it ends at ${end.toISOString()}, more than a day ahead`;
  return { reason: 'in the future', detail };
}
