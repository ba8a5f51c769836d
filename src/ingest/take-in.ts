import type { Database } from '../db/database.ts';
import { type ReportedCall, storeCalls } from '../domain/calls/call.ts';
import type { StoreCalls } from '../domain/calls/call-gathering.ts';
import { oldestTakenIn } from '../domain/calls/call-retention.ts';
import { markEmergenciesOfAccounts } from '../domain/calls/emergency-of-account.ts';
import type { Feed, FeedFormat } from '../domain/calls/feed.ts';
import { accountsOfMakers } from '../domain/calls/leg-maker.ts';
import {
  keepRejected,
  keepRejectedBody,
  type RejectedRecord,
} from '../domain/calls/rejected-record.ts';
import { isEmergencyNumber } from '../domain/emergency-numbers.ts';
import { readBatches, readShort, TooManyRecords } from './bodies/batches.ts';
import type { Piece } from './bodies/pieces.ts';
import type { Body } from './bodies/unpack.ts';
import { parseAsterisk } from './formats/asterisk.ts';
import { parseFreeswitch } from './formats/freeswitch.ts';
import { parseGeneric } from './formats/generic.ts';
import { parseKamailio } from './formats/kamailio.ts';
import { parseOpensips } from './formats/opensips.ts';
import { malformed, type Origin, type ParsedRecord, type Parser, wholeBody } from './record.ts';

export const PARSERS: Record<FeedFormat, Parser> = {
  freeswitch: parseFreeswitch,
  kamailio: parseKamailio,
  opensips: parseOpensips,
  asterisk: parseAsterisk,
  generic: parseGeneric,
};

const DAY_MS = 86_400_000;
const MOST_DAMAGED = 1_000;

export interface TakenIn {
  /** new calls */
  stored: number;
  /** calls that were stored before */
  duplicates: number;
  /** legs that another leg's call includes */
  unbilled: number;
  /** records that cannot be billed, kept for the operator */
  rejected: number;
  /** damaged records among them that are not kept one by one */
  leftOut: number;
  warningsDue: boolean;
}

export interface TakeInOptions {
  now: Date;
  retentionMonths: number;
  /** emergency numbers, which are free to call */
  emergencyNumbers: ReadonlySet<string>;
  /** `known` of `oldestTakenIn` */
  callsKeptFrom?: Date | null;
  /** stores the calls; left out: each batch is stored alone */
  store?: StoreCalls;
  /**
   * reads a body without the limits of a delivery; left out: the rest of a too large body is
   * rejected
   */
  readsAll?: boolean;
  /** is called when records are rejected */
  onRejected?: (rejected: RejectedRecord[]) => void;
}

/**
 * Takes in a body. When this resolves, each record is stored, was stored before, or is rejected. If
 * some records are not kept one by one, the whole received body is kept as a rejected record.
 */
export async function takeIn(
  db: Database,
  feed: Feed,
  body: Body,
  options: TakeInOptions,
): Promise<TakenIn> {
  const total = nothingTakenIn();
  const problems: string[] = [];
  const read = readerOf(feed, () => problems.push('a record is too long'));
  const isGood = options.readsAll ? undefined : isUnderstood;
  const short = readShort(body.chunks ?? [], read);
  if (short) return takeInRecords(db, feed, short, options);
  if (!body.chunks) problems.push('damaged gzip');
  // While a batch is stored, the next one is read.
  let storing: Promise<void> | undefined;
  const store = async (batch: ParsedRecord[]) =>
    addTakenIn(total, await takeInRecords(db, feed, batch, options));
  try {
    for await (const batch of readBatches(body.chunks ?? [], read, { isGood })) {
      await storing;
      storing = store(batch);
      // It is awaited below. A failure meanwhile must not end the process.
      storing.catch(() => undefined);
    }
    await storing;
  } catch (error) {
    await storing;
    if (!(error instanceof TooManyRecords)) throw error;
    problems.push(error.message);
  }
  if (total.leftOut > 0) problems.push(`more than ${MOST_DAMAGED} damaged records`);
  if (problems.length === 0) return total;
  const whole = { reason: 'malformed', detail: problems.join(', '), raw: body.raw } as const;
  await oneByOne(() => keepRejectedBody(db, feed, whole, options.now));
  options.onRejected?.([whole]);
  return { ...total, rejected: total.rejected + 1 };
}

const isUnderstood = ({ kind }: ParsedRecord) => kind === 'call' || kind === 'unbilled leg';

let lastWork: Promise<unknown> = Promise.resolve();

/**
 * Sends one body at a time to the database, because each takes several times its size in memory.
 */
function oneByOne<Result>(work: () => Promise<Result>): Promise<Result> {
  const done = lastWork.then(work);
  lastWork = done.catch(() => undefined);
  return done;
}

/**
 * The reader of a body's pieces. Only the first damaged records are kept, so a body with millions
 * of them does not fill the database.
 * @param place names a line's place, for records of a file
 */
export function readerOf(
  feed: Feed,
  onTooLong: () => void = () => undefined,
  place?: (line: number) => string,
): (piece: Piece) => Iterable<ParsedRecord | undefined> {
  let damaged = 0;
  return function* ({ bytes, linesBefore, isTooLong }) {
    if (isTooLong) onTooLong();
    const records = isTooLong
      ? [malformed(wholeBody(bytes), 'it is too long for a record, its beginning is kept')]
      : PARSERS[feed.format](bytes, feed);
    for (const record of records) {
      if (record?.kind === 'rejected' && damaged++ >= MOST_DAMAGED) yield { kind: 'left out' };
      else if (place && record && 'origin' in record) {
        const { origin } = record;
        yield {
          ...record,
          origin: { ...origin, place: () => place(linesBefore + origin.line()) },
        };
      } else yield record;
    }
  };
}

/** Counts of zero, to add batches to. */
export function nothingTakenIn(): TakenIn {
  return { stored: 0, duplicates: 0, unbilled: 0, rejected: 0, leftOut: 0, warningsDue: false };
}

/** Adds the counts of `taken` to `total`, in place. Warnings are due if either of them says so. */
export function addTakenIn(total: TakenIn, taken: TakenIn): void {
  total.stored += taken.stored;
  total.duplicates += taken.duplicates;
  total.unbilled += taken.unbilled;
  total.rejected += taken.rejected;
  total.leftOut += taken.leftOut;
  total.warningsDue ||= taken.warningsDue;
}

/** Takes in records that were read already, in one batch. */
export async function takeInRecords(
  db: Database,
  feed: Feed,
  records: ParsedRecord[],
  {
    now,
    retentionMonths,
    emergencyNumbers,
    callsKeptFrom,
    store = (...delivery) => storeCalls(db, ...delivery),
    onRejected,
  }: TakeInOptions,
): Promise<TakenIn> {
  const oldest = await oldestTakenIn(db, now, retentionMonths, callsKeptFrom);
  const taken = nothingTakenIn();
  const calls: RecordedCall[] = [];
  const rejected: RejectedRecord[] = [];
  const reject = (origin: Origin, reason: RejectedRecord['reason'], detail: string) => {
    const place = origin.place ? ` (${origin.place()})` : '';
    rejected.push({
      reason,
      detail: detail + place,
      raw: origin.raw(),
      decoded: origin.decoded?.(),
    });
  };
  for (const record of records) {
    if (record.kind === 'unbilled leg') taken.unbilled++;
    else if (record.kind === 'left out') taken.leftOut++;
    else if (record.kind === 'rejected') reject(record.origin, record.reason, record.detail);
    else {
      const problem = outsideOfTime(record.call, now, oldest);
      if (problem) reject(record.origin, problem.reason, problem.detail);
      else {
        const { call } = record;
        if (isEmergencyNumber(emergencyNumbers, feed.country, call.called)) call.isEmergency = true;
        calls.push(record);
      }
    }
  }
  const storeAll = async (some: RecordedCall[]) => {
    await markEmergenciesOfAccounts(
      db,
      some.map(({ call }) => call),
    );
    const { outcomes, warningsDue } = await store(
      feed.name,
      some.map(({ call }) => call),
      now,
    );
    taken.warningsDue ||= warningsDue;
    for (const [position, { call, origin }] of some.entries()) {
      const outcome = outcomes[position];
      if (outcome === 'stored') taken.stored++;
      else if (outcome === 'duplicate') taken.duplicates++;
      else if (outcome === 'conflict') {
        reject(origin, outcome, 'a call with this id and start is stored with other content');
      } else reject(origin, 'unknown account', payerProblem(call));
    }
  };
  await storeAll(calls.filter(({ call }) => !call.madeBy));
  const legs = calls.filter(({ call }) => call.madeBy);
  if (legs.length > 0) {
    // The calls that made these legs may just have been stored.
    const { made, unmade } = await withMakers(db, legs);
    await storeAll(made);
    for (const { origin } of unmade) {
      reject(origin, 'unknown account', 'the call that made this leg is not there');
    }
  }
  await keepRejected(db, feed, rejected, now);
  if (rejected.length > 0) onRejected?.(rejected);
  return { ...taken, rejected: rejected.length + taken.leftOut };
}

interface RecordedCall {
  call: ReportedCall;
  origin: Origin;
}

/** Legs with the account of the call that made them, and legs whose call is not stored. */
async function withMakers(
  db: Database,
  legs: RecordedCall[],
): Promise<{ made: RecordedCall[]; unmade: RecordedCall[] }> {
  const makers = legs.flatMap(({ call }) => call.madeBy ?? []);
  const accounts = await accountsOfMakers(db, makers);
  const named = legs.map(({ call, origin }, n) => ({
    call: { ...call, account: accounts[n] },
    origin,
  }));
  return {
    made: named.filter(({ call }) => call.account !== undefined),
    unmade: named.filter(({ call }) => call.account === undefined),
  };
}

function payerProblem({ account, called }: ReportedCall): string {
  return account ? `there is no account ${account}` : `nobody has the number ${called}`;
}

function outsideOfTime(
  call: ReportedCall,
  now: Date,
  oldest: Date,
): Pick<RejectedRecord, 'reason' | 'detail'> | undefined {
  const { startedAt, talkMicroseconds } = call;
  const start = startedAt.getTime();
  const end = start + talkMicroseconds / 1_000;
  const latest = now.getTime() + DAY_MS;
  if (start >= oldest.getTime() && end <= latest) return undefined;
  if (start < oldest.getTime()) {
    const detail = `it started at ${startedAt.toISOString()}, before the retention`;
    return { reason: 'too old', detail };
  }
  const what = start > latest ? 'it starts' : 'it ends';
  const at = new Date(start > latest ? start : end).toISOString();
  return { reason: 'in the future', detail: `${what} at ${at}, more than a day ahead` };
}
