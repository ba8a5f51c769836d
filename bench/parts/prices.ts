import { reconcile } from '../../src/domain/books/proof.ts';
import type { Price } from '../../src/domain/rating/price-csv.ts';
import { importPrices } from '../../src/domain/rating/price-import.ts';
import { makeAccounts, settle } from '../data.ts';
import { atLeast, atMost, type Figure, figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { batchesOf, deliver, makeFeed } from '../workloads.ts';

const LIST = 'bench';
const PRICES = 300_000;
const QUICK_PRICES = 30_000;
const ACCOUNTS = 2_000;
// With a list, a call may take 1.3 times as long.
const LEAST_SPEED = 0.77;
const MOST_IMPORT_MS = 20_000;
const LOADS = [
  { batch: 1, atOnce: 16, calls: 2_000 },
  { batch: 100, atOnce: 4, calls: 20_000 },
  { batch: 1_000, atOnce: 4, calls: 40_000 },
];
const QUICK_SHARE = 4;

/**
 * Calls of accounts with a large price list, compared with calls without one, and the import of the
 * list.
 */
export const prices: Part = async (stage, { rounds, quick }) => {
  const accounts = await makeAccounts(stage, { accounts: ACCOUNTS, withKeys: ACCOUNTS });
  const usernames = accounts.map(({ username }) => username);
  const [listed, plain] = [usernames.slice(ACCOUNTS / 2), usernames.slice(0, ACCOUNTS / 2)];
  const count = quick ? QUICK_PRICES : PRICES;
  const imports = await interleave(Math.min(rounds, 2), {
    replaced: () => importOnce(stage, count),
  });
  await stage.db.query('UPDATE account SET price_list = $2 WHERE username = ANY ($1)', [
    listed,
    LIST,
  ]);
  await settle(stage);
  const feed = await makeFeed(stage);
  const service = await stage.startService();
  const figures: Figure[] = [
    figure({
      part: 'prices',
      name: `import of ${count.toLocaleString('en-US')}, all of which changed`,
      ours: imports.replaced,
      limitName: '',
      unit: 'ms',
      target: atMost(MOST_IMPORT_MS),
    }),
  ];
  for (const { batch, atOnce, calls } of LOADS) {
    const of = (who: number[]) => () =>
      deliver(
        stage,
        service.port,
        feed,
        batchesOf(calls / (quick ? QUICK_SHARE : 1), batch, who),
        atOnce,
      );
    const values = await interleave(rounds, { without: of(plain), ours: of(listed) });
    figures.push(
      figure({
        part: 'prices',
        name: `${batch.toLocaleString('en-US')} a batch, ${atOnce} at once, with a list`,
        ours: values.ours,
        limit: values.without,
        limitName: 'without a list',
        unit: 'calls/s',
        target: atLeast(LEAST_SPEED),
      }),
    );
  }
  await service.stop();
  const { imbalances } = await reconcile(stage.db);
  if (imbalances.length > 0) throw new Error(`${imbalances.length} accounts do not balance`);
  return { figures, leftOut: [] };
};

let imported = 0;

/** Milliseconds for replacing a list by one with other prices. */
async function importOnce({ db }: Stage, count: number): Promise<number> {
  imported++;
  const list: Price[] = Array.from({ length: count }, (_, n) => ({
    // Around the called number of the sample calls, 1 800 800 6160.
    prefix: String(18_008_000 - Math.floor(count / 2) + n),
    name: `Destination ${n}`,
    rate: `0.0${imported}${n % 10}`,
    minimumSeconds: null,
    incrementSeconds: null,
    connectFee: '0',
    minimumCharge: '0',
    validFrom: null,
  }));
  const began = performance.now();
  const actor = { who: 'benchmark', from: 'benchmark' };
  await importPrices(db, actor, LIST, list, { now: new Date(), replace: true, dryRun: false });
  return performance.now() - began;
}
