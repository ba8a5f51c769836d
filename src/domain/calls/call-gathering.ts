import type { Database } from '../../db/database.ts';
import { isLockTimeout, StoreUnavailable } from '../../db/errors.ts';
import { GATHERED, type Gathered, Gatherer, Lanes } from '../../db/gather.ts';
import { type Outcome, type ReportedCall, type StoreResult, storeCallsOfFeeds } from './call.ts';

/** `storeCalls` with its database bound. */
export type StoreCalls = (feed: string, calls: ReportedCall[], now: Date) => Promise<StoreResult>;

interface Delivery {
  feed: string;
  calls: ReportedCall[];
  now: Date;
}

type Settled = PromiseSettledResult<StoreResult>;

// Larger deliveries have queues per feed, so other feeds do not wait for them.
const FEW_CALLS = 50;
// From here on two parallel statements are faster, although one waits for the other's balances.
const MANY_CALLS = 1_000;
// A larger statement would block the event loop and lock the balances for too long.
const MOST_CALLS = 2_000;
// The service takes as long to read a small delivery and to answer it as to read so many calls.
const DELIVERY_CALLS = 32;
// The next calls are read meanwhile, so a larger statement of a lane is not faster.
const MOST_OF_LANE = 1_000;
// Two statements take less time than one from here on, although they begin twice. While a lane is
// busy with another delivery, the other lane alone takes less for a delivery of up to MOST_OF_LANE.
const DIVIDED_CALLS = 500;

/**
 * Stores the deliveries of concurrent requests together. While one statement runs, the next one
 * gathers. Small deliveries of all feeds share statements.
 *
 * A larger delivery shares statements only with its own feed, which has two lanes. So does a delivery
 * that another transaction's lock delays. Their statements run side by side. A large delivery that
 * comes alone, and a very large one, is divided between them by account, so neither statement waits for
 * the other's balances. Each request is answered once its own calls are stored.
 */
export function gatherCalls(db: Database): StoreCalls {
  const ofAll = new Gatherer(
    async (deliveries: Delivery[]) => {
      // By then, those whom the last statement left to a lane have asked it.
      await undefined;
      const isInLane = deliveries.map(({ feed }) => hasLane(feed));
      const others = deliveries.filter((_, n) => !isInLane[n]);
      const settled = (await storeBatch(db, others, 'all feeds')).values();
      return isInLane.map((isIn) => (isIn ? undefined : settled.next().value));
    },
    {
      sizeOf: ({ calls }) => Math.max(calls.length, DELIVERY_CALLS),
      least: MANY_CALLS,
      most: MOST_CALLS,
    },
  );
  const lanes = new Lanes<string, Delivery, Settled | undefined>(
    (deliveries) => storeBatch(db, deliveries, 'one feed'),
    { sizeOf: ({ calls }) => calls.length, most: MOST_OF_LANE },
  );
  const hasLane = (feed: string) => LANES.some((lane) => lanes.has(lane + feed));
  let turn = 0;
  const storeInLanes = async ({ feed, calls, now }: Delivery): Promise<StoreResult> => {
    const isBusy = LANES.map((lane) => lanes.has(lane + feed));
    const isShort = calls.length < DIVIDED_CALLS;
    if (isShort || (calls.length <= MOST_OF_LANE && isBusy.includes(true))) {
      const next = LANES[isBusy.indexOf(false)] ?? LANES[turn++ % 2];
      // What waits for the lock of one account must not wait in both lanes.
      const lane = calls.length > FEW_CALLS ? next : laneOf(calls[0]?.account);
      return resultOf((await lanes.ask(lane + feed, { feed, calls, now })) as Settled);
    }
    const outcomes: Outcome[] = new Array(calls.length);
    const parts = [...partsOf(calls)];
    const settled = await Promise.all(
      parts.map(([lane, part]) => {
        const own = part.map((n) => calls[n] as ReportedCall);
        return lanes.ask(lane + feed, { feed, calls: own, now }) as Promise<Settled>;
      }),
    );
    const results = settled.map(resultOf);
    for (const [at, [, part]] of parts.entries()) {
      part.forEach((n, own) => {
        outcomes[n] = results[at]?.outcomes[own] as Outcome;
      });
    }
    return { outcomes, warningsDue: results.some(({ warningsDue }) => warningsDue) };
  };
  return async (feed, calls, now) => {
    const delivery = { feed, calls, now };
    const isAlone = calls.length > FEW_CALLS || hasLane(feed);
    const first = isAlone ? undefined : await ofAll.ask(delivery);
    return first ? resultOf(first) : storeInLanes(delivery);
  };
}

const LANES = ['a ', 'b '] as const;
type Lane = (typeof LANES)[number];

/** The lane of an account's calls. Both get as many accounts, however usernames are spaced. */
export function laneOf(account = 0): Lane {
  // Multiplicative hashing, twice: the first product alone alternates slowly at some distances.
  const hash = Math.imul(account, 0x9e3779b1);
  return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) < 0 ? LANES[1] : LANES[0];
}

/**
 * The positions of the calls for each lane. Calls with the same id stay together, because the first of
 * them counts.
 */
function partsOf(calls: ReportedCall[]): Map<Lane, number[]> {
  const isDivided = new Set(calls.map(({ id }) => id)).size === calls.length;
  const parts = new Map<Lane, number[]>();
  for (const [n, { account }] of calls.entries()) {
    const lane = isDivided ? laneOf(account) : LANES[0];
    const part = parts.get(lane);
    if (part) part.push(n);
    else parts.set(lane, [n]);
  }
  return parts;
}

function resultOf(settled: Settled): StoreResult {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

type Of = 'all feeds' | 'one feed';

/**
 * @returns undefined where several feeds share the batch and another transaction's lock delays it
 */
async function storeBatch(
  db: Database,
  batch: Delivery[],
  of: Of,
): Promise<(Settled | undefined)[]> {
  if (batch.length === 0) return [];
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
