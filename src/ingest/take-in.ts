import type { Database } from '../db/database.ts';
import { type ReportedCall, storeCalls } from '../domain/call.ts';
import { type RefusedRecord, setAside } from '../domain/call-refused.ts';
import type { Feed, FeedFormat } from '../domain/feed.ts';
import { parseFreeswitch } from './freeswitch.ts';
import { parseGeneric } from './generic.ts';
import type { Parser } from './record.ts';

export const PARSERS: Record<FeedFormat, Parser> = {
  freeswitch: parseFreeswitch,
  generic: parseGeneric,
};

const DAY_MS = 86_400_000;

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

interface Candidate {
  call: ReportedCall;
  raw: () => Buffer;
}

/**
 * Takes in a body: every record is stored, was there already, or is set aside once this resolves.
 * @returns the counts, and what was set aside with its reason
 */
export async function takeIn(
  db: Database,
  feed: Feed,
  body: Buffer,
  { now, retentionMonths }: { now: Date; retentionMonths: number },
): Promise<TakenIn & { refusals: RefusedRecord[] }> {
  const calls: Candidate[] = [];
  const refusals: RefusedRecord[] = [];
  let unbilled = 0;
  for (const record of PARSERS[feed.format](body, feed)) {
    if (record.kind === 'unbilled leg') unbilled++;
    else if (record.kind === 'refused') refusals.push(record);
    else {
      const problem = outsideOfTime(record.call, now, retentionMonths);
      if (problem) refusals.push({ ...problem, raw: record.raw() });
      else calls.push(record);
    }
  }
  const result = await storeCalls(
    db,
    feed.name,
    calls.map(({ call }) => call),
    now,
  );
  const refuse = (position: number, reason: RefusedRecord['reason'], detail: string) => {
    const candidate = calls[position];
    if (candidate) refusals.push({ reason, detail, raw: candidate.raw() });
  };
  for (const position of result.unknownAccounts) {
    const { account, called } = calls[position]?.call ?? {};
    refuse(
      position,
      'unknown account',
      account ? `there is no account ${account}` : `nobody has the number ${called}`,
    );
  }
  for (const position of result.conflicts) {
    refuse(position, 'conflict', 'a call with this id and start is stored with other content');
  }
  await setAside(db, feed, refusals, now);
  const { stored, duplicates, warningsDue } = result;
  return { stored, duplicates, unbilled, refused: refusals.length, warningsDue, refusals };
}

function outsideOfTime(
  call: ReportedCall,
  now: Date,
  retentionMonths: number,
): Pick<RefusedRecord, 'reason' | 'detail'> | undefined {
  const start = call.startedAt.toISOString();
  const oldest = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - retentionMonths, 1);
  if (call.startedAt.getTime() < oldest) {
    return { reason: 'too old', detail: `it started at ${start}, before the retention` };
  }
  if (call.startedAt.getTime() > now.getTime() + DAY_MS) {
    return { reason: 'in the future', detail: `it starts at ${start}, more than a day ahead` };
  }
  return undefined;
}
