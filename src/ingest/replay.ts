import type { Database } from '../db/database.ts';
import { type Actor, audit } from '../domain/audit.ts';
import { type Feed, type FeedFormat, listFeeds } from '../domain/calls/feed.ts';
import {
  explainRejected,
  findRejected,
  listRejected,
  newestRejectedId,
  type OpenRejected,
  type RejectedRecord,
  requireOpen,
  resolveRejected,
} from '../domain/calls/rejected-record.ts';
import { unpack } from './bodies/unpack.ts';
import { PARSERS, type TakenIn, takeIn } from './take-in.ts';

/** Where a replay of all records is queued, with the Actor who asked for it. */
export const REPLAY_QUEUE = 'replay-rejected';

const PAGE = 500;

export interface ReplayCounts {
  /** records that were looked at */
  replayed: number;
  /** of them, those that are dealt with now */
  resolved: number;
  /** of them, those that stay as they were, some with a new reason */
  rejected: number;
  /** calls that are new */
  stored: number;
  /** calls that were there already */
  duplicates: number;
}

export interface ReplayOptions {
  now: Date;
  retentionMonths: number;
  emergencyNumbers: ReadonlySet<string>;
  /** only these records; without, all that are open at the start */
  ids?: number[];
  onProgress?: (counts: ReplayCounts) => void;
}

/**
 * Takes rejected records in once more, oldest first, the way a feed's body is. One that
 * is stored now, or was stored meanwhile, is resolved. Interrupted or run twice at once it loses
 * and doubles nothing: whatever it does can be done again.
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
        // Of a replay that is killed the trail tells at least that it began.
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

/** Ends where the open records ended at the start: a replay may reject parts of a record. */
async function* openPages(db: Database): AsyncGenerator<number[]> {
  const last = await newestRejectedId(db);
  for (let after = 0; after < last; ) {
    const page = await listRejected(db, { after, limit: PAGE });
    yield page.map(({ id }) => id).filter((id) => id <= last);
    after = page.at(-1)?.id ?? last;
  }
}

/** The feed as it is now, reading the format that the record came in. */
function feedOf(record: OpenRejected, feed: Feed | undefined): Feed | undefined {
  if (!Object.hasOwn(PARSERS, record.format)) return undefined;
  const { name, networks, debits, timeZone } = feed ?? {
    name: record.feed,
    networks: [],
    debits: 'service',
    timeZone: 'UTC',
  };
  return { name, format: record.format as FeedFormat, networks, debits, timeZone };
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
  // A body rejected whole may by now be read as several records. Those rejected among them are kept
  // by themselves, and they carry on for the whole: kept open as well, it would
  // offer its stored calls again and again, and bill those whose number changed hands meanwhile.
  if (!same) {
    await resolveRejected(db, [record.id], now);
    counts.resolved++;
    return;
  }
  // What an import rejected says where it stood, which stays.
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
