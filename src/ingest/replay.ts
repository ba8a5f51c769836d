import type { Database } from '../db/database.ts';
import { type Actor, audit } from '../domain/audit.ts';
import { type Feed, type FeedFormat, listFeeds } from '../domain/calls/feed.ts';
import {
  explainRejected,
  type RejectedRecord,
  requireOpen,
  resolveRejected,
} from '../domain/calls/rejected-record.ts';
import {
  findRejected,
  listRejected,
  newestRejectedId,
  type OpenRejected,
} from '../domain/calls/rejected-search.ts';
import { unpack } from './bodies/unpack.ts';
import { PARSERS, type TakenIn, takeIn } from './take-in.ts';

/** The queue for replays of all records; a job has the Actor who requested it. */
export const REPLAY_QUEUE = 'replay-rejected';

const PAGE = 500;

export interface ReplayCounts {
  /** records that were tried */
  replayed: number;
  /** records that are resolved now */
  resolved: number;
  /** records that stay open, some with a new reason */
  rejected: number;
  /** new calls */
  stored: number;
  /** calls that were stored before */
  duplicates: number;
}

export interface ReplayOptions {
  now: Date;
  retentionMonths: number;
  emergencyNumbers: ReadonlySet<string>;
  /** only these records; left out: all records that are open at the start */
  ids?: number[];
  onProgress?: (counts: ReplayCounts) => void;
}

/**
 * Takes rejected records in again, oldest first, like a feed's body. A record that is stored now,
 * or was stored meanwhile, is resolved. It may be interrupted or run twice at once: each step can
 * be repeated, and no call is lost or doubled.
 * @throws Refusal 'not found' for an id that is no open record; nothing is replayed then
 */
export async function replayRejected(
  db: Database,
  actor: Actor,
  options: ReplayOptions,
): Promise<ReplayCounts> {
  const counts: ReplayCounts = { replayed: 0, resolved: 0, rejected: 0, stored: 0, duplicates: 0 };
  const feeds = new Map((await listFeeds(db)).map((feed) => [feed.name, feed]));
  const pages = options.ids ? [await requireOpen(db, options.ids)] : openPages(db);
  for await (const page of pages) {
    for (const id of page) {
      const record = await findRejected(db, id);
      if (!record) continue;
      if (counts.replayed === 0) {
        // If the replay is killed, the audit trail at least has its start.
        const detail = { records: options.ids ?? 'all' };
        await audit(db, actor, { action: 'replay started', detail }, options.now);
      }
      await replayOne(
        db,
        { record, feed: feedOf(record, feeds.get(record.feed)) },
        options,
        counts,
      );
      options.onProgress?.(counts);
    }
  }
  if (counts.replayed === 0) return counts;
  await audit(db, actor, { action: 'replay finished', detail: counts }, options.now);
  return counts;
}

/** Stops at the newest record of the start, because a replay may add rejected records. */
async function* openPages(db: Database): AsyncGenerator<number[]> {
  const last = await newestRejectedId(db);
  for (let after = 0; after < last; ) {
    const page = await listRejected(db, { after, limit: PAGE });
    yield page.map(({ id }) => id).filter((id) => id <= last);
    after = page.at(-1)?.id ?? last;
  }
}

/** The feed with its settings of now, but with the record's format. */
function feedOf(record: OpenRejected, feed: Feed | undefined): Feed | undefined {
  if (!Object.hasOwn(PARSERS, record.format)) return undefined;
  const { name, format } = { name: record.feed, format: record.format as FeedFormat };
  return { networks: [], debits: 'service', timeZone: 'UTC', ...feed, name, format };
}

async function replayOne(
  db: Database,
  { record, feed }: { record: OpenRejected; feed: Feed | undefined },
  { now, retentionMonths, emergencyNumbers }: ReplayOptions,
  counts: ReplayCounts,
): Promise<void> {
  counts.replayed++;
  if (!feed) {
    counts.rejected++;
    return;
  }
  let same: RejectedRecord | undefined;
  const result = await takeIn(db, feed, await unpack(record.raw), {
    now,
    retentionMonths,
    emergencyNumbers,
    readsAll: true,
    onRejected: (rejected) => {
      same = rejected.find(({ raw }) => raw.equals(record.raw)) ?? same;
    },
  });
  addCalls(counts, result);
  // A body that was rejected as a whole may now give several records. Its rejected ones are kept
  // one by one and replace the body. An open body would repeat its stored calls at each replay, and
  // could bill calls to another owner of the number.
  if (!same) {
    await resolveRejected(db, [record.id], now);
    counts.resolved++;
    return;
  }
  // A detail from an import also has the place in the file; it is kept.
  const isKnown = record.detail === same.detail || record.detail.startsWith(`${same.detail} (`);
  if (same.reason !== record.reason || !isKnown) {
    await explainRejected(db, record.id, same.reason, same.detail);
  }
  counts.rejected++;
}

function addCalls(counts: ReplayCounts, { stored, duplicates }: TakenIn): void {
  counts.stored += stored;
  counts.duplicates += duplicates;
}
