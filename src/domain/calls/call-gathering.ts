import type { Database } from '../../db/database.ts';
import { isLockTimeout, StoreUnavailable } from '../../db/errors.ts';
import { GATHERED, type Gathered, Gatherer, Lanes } from '../../db/gather.ts';
import { type ReportedCall, type StoreResult, storeCallsOfFeeds } from './call.ts';

/** As `storeCalls`, without the database. */
export type StoreCalls = (feed: string, calls: ReportedCall[], now: Date) => Promise<StoreResult>;

interface Delivery {
  feed: string;
  calls: ReportedCall[];
  now: Date;
}

type Settled = PromiseSettledResult<StoreResult>;

// With more of them, others would wait too long for the balances.
const MOST_CALLS = 10_000;
// Of so many, two statements side by side take less time though one waits for the other's balances.
const MANY_CALLS = 1_000;
// Those of other feeds do not wait for a larger delivery.
const FEW_CALLS = 50;

/**
 * Stores what is delivered by several requests at about the same time in one batch: while one is
 * stored the next ones gather. Deliveries of few calls share one whatever their feed. Larger ones,
 * and those of a feed that somebody else's lock holds up, share one with those of their feed. Each
 * request is answered once its own calls are stored.
 */
export function gatherCalls(db: Database): StoreCalls {
  const areMany = (deliveries: Delivery[]) => numberOf(deliveries) >= MANY_CALLS;
  const ofAll = new Gatherer(
    (deliveries: Delivery[]) => storeDeliveries(db, deliveries, 'all feeds'),
    areMany,
  );
  const lanes = new Lanes<string, Delivery, Settled | undefined>(
    (deliveries) => storeDeliveries(db, deliveries, 'one feed'),
    areMany,
  );
  return async (feed, calls, now) => {
    const delivery = { feed, calls, now };
    const isAlone = calls.length > FEW_CALLS || lanes.has(feed);
    const first = isAlone ? undefined : await ofAll.ask(delivery);
    const settled = (first ?? (await lanes.ask(feed, delivery))) as Settled;
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  };
}

type Of = 'all feeds' | 'one feed';

/** @returns undefined for deliveries of several feeds that another transaction's lock held up */
async function storeDeliveries(
  db: Database,
  deliveries: Delivery[],
  of: Of,
): Promise<(Settled | undefined)[]> {
  const settled: (Settled | undefined)[] = [];
  for (const batch of batchesOf(deliveries)) {
    settled.push(...(await storeBatch(db, batch, of)));
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

async function storeBatch(
  db: Database,
  batch: Delivery[],
  of: Of,
): Promise<(Settled | undefined)[]> {
  try {
    const calls = batch.flatMap((delivery) => delivery.calls);
    const feeds = batch.flatMap(({ feed, calls: own }) => own.map(() => feed));
    const now = batch.at(-1)?.now as Date;
    GATHERED.publish({ what: 'deliveries', count: batch.length } satisfies Gathered);
    const { outcomes, warningsDue } = await storeCallsOfFeeds(db, feeds, calls, now);
    let from = 0;
    return batch.map((delivery) => {
      const own = outcomes.slice(from, from + delivery.calls.length);
      from += own.length;
      return { status: 'fulfilled', value: { outcomes: own, warningsDue } };
    });
  } catch (reason) {
    if (of === 'all feeds' && batch.length > 1 && isLockTimeout(reason)) {
      return batch.map(() => undefined);
    }
    if (batch.length === 1 || reason instanceof StoreUnavailable) {
      return batch.map(() => ({ status: 'rejected', reason }));
    }
    // One that cannot be stored must not keep the others from it.
    const alone = await Promise.all(batch.map((delivery) => storeBatch(db, [delivery], of)));
    return alone.flat();
  }
}
