import type { Database } from '../../db/database.ts';
import { isLockTimeout, StoreUnavailable } from '../../db/errors.ts';
import { GATHERED, type Gathered, Gatherer, Lanes } from '../../db/gather.ts';
import { type ReportedCall, type StoreResult, storeCallsOfFeeds } from './call.ts';

/** `storeCalls` with its database bound. */
export type StoreCalls = (feed: string, calls: ReportedCall[], now: Date) => Promise<StoreResult>;

interface Delivery {
  feed: string;
  calls: ReportedCall[];
  now: Date;
}

type Settled = PromiseSettledResult<StoreResult>;

// A larger batch would block the event loop and lock the balances for too long.
const MOST_CALLS = 2_000;
// From here on two parallel statements are faster, although one waits for the other's balances.
const MANY_CALLS = 1_000;
// The service takes as long to read a small delivery and to answer it as to read so many calls.
const DELIVERY_CALLS = 32;
// Larger deliveries have a queue per feed, so other feeds do not wait for them.
const FEW_CALLS = 50;

/**
 * Stores the deliveries of concurrent requests in one batch. While one batch is stored, the next
 * one gathers. Small deliveries share a batch across feeds. A larger delivery shares a batch only
 * with its own feed. So does a delivery that another transaction's lock delays. Each request is
 * answered once its own calls are stored.
 */
export function gatherCalls(db: Database): StoreCalls {
  const parallel = (sizeOf: (delivery: Delivery) => number) => {
    return { least: MANY_CALLS, most: MANY_CALLS, sizeOf };
  };
  const ofAll = new Gatherer(
    async (deliveries: Delivery[]) => {
      // By then, those whom the last statement left to a lane have asked it.
      await undefined;
      const isInLane = deliveries.map(({ feed }) => lanes.has(feed));
      const others = deliveries.filter((_, n) => !isInLane[n]);
      const settled = (await storeDeliveries(db, others, 'all feeds')).values();
      return isInLane.map((isIn) => (isIn ? undefined : settled.next().value));
    },
    parallel(({ calls }) => Math.max(calls.length, DELIVERY_CALLS)),
  );
  // Small deliveries of a lane wait for a lock, and a second statement would wait twice as long.
  const lanes = new Lanes<string, Delivery, Settled | undefined>(
    (deliveries) => storeDeliveries(db, deliveries, 'one feed'),
    parallel(({ calls }) => calls.length),
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

/**
 * @returns undefined where several feeds share the batch and another transaction's lock delays it
 */
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
    // One delivery that cannot be stored must not stop the others.
    const alone = await Promise.all(batch.map((delivery) => storeBatch(db, [delivery], of)));
    return alone.flat();
  }
}
