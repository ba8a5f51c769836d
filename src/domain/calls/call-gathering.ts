import type { Database } from '../../db/database.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import { GATHERED, type Gathered, Gatherer } from '../../db/gather.ts';
import { type ReportedCall, type StoreResult, storeCalls } from './call.ts';

/** As `storeCalls`, without the database. */
export type StoreCalls = (feed: string, calls: ReportedCall[], now: Date) => Promise<StoreResult>;

interface Delivery {
  calls: ReportedCall[];
  now: Date;
}

type Settled = PromiseSettledResult<StoreResult>;

// With more of them, others would wait too long for the balances.
const MOST_CALLS = 10_000;
// Of so many, two statements side by side take less time though one waits for the other's balances.
const MANY_CALLS = 1_000;

/**
 * Stores what a feed delivers by several requests at about the same time in one batch: while one is
 * stored the next ones gather. Each request is answered once its own calls are stored.
 */
export function gatherCalls(db: Database): StoreCalls {
  const feeds = new Map<string, Gatherer<Delivery, Settled>>();
  return async (feed, calls, now) => {
    let gatherer = feeds.get(feed);
    if (!gatherer) {
      gatherer = new Gatherer(
        (deliveries) => storeDeliveries(db, feed, deliveries),
        (deliveries) => numberOf(deliveries) >= MANY_CALLS,
      );
      feeds.set(feed, gatherer);
    }
    const settled = await gatherer.ask({ calls, now });
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  };
}

async function storeDeliveries(
  db: Database,
  feed: string,
  deliveries: Delivery[],
): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const batch of batchesOf(deliveries)) {
    settled.push(...(await storeBatch(db, feed, batch)));
  }
  return settled;
}

function numberOf(deliveries: Delivery[]): number {
  return deliveries.reduce((sum, { calls }) => sum + calls.length, 0);
}

function batchesOf(deliveries: Delivery[]): Delivery[][] {
  const batches: Delivery[][] = [];
  let room = -1;
  for (const delivery of deliveries) {
    room -= delivery.calls.length;
    if (room >= 0) batches.at(-1)?.push(delivery);
    else {
      batches.push([delivery]);
      room = MOST_CALLS - delivery.calls.length;
    }
  }
  return batches;
}

async function storeBatch(db: Database, feed: string, batch: Delivery[]): Promise<Settled[]> {
  try {
    const calls = batch.flatMap((delivery) => delivery.calls);
    const now = batch.at(-1)?.now as Date;
    GATHERED.publish({ what: 'deliveries', count: batch.length } satisfies Gathered);
    const { outcomes, warningsDue } = await storeCalls(db, feed, calls, now);
    let from = 0;
    return batch.map((delivery) => {
      const own = outcomes.slice(from, from + delivery.calls.length);
      from += own.length;
      return { status: 'fulfilled', value: { outcomes: own, warningsDue } };
    });
  } catch (reason) {
    if (batch.length === 1 || reason instanceof StoreUnavailable) {
      return batch.map(() => ({ status: 'rejected', reason }));
    }
    // One that cannot be stored must not keep the others from it.
    const alone = await Promise.all(batch.map((delivery) => storeBatch(db, feed, [delivery])));
    return alone.flat();
  }
}
