import { type Account, makeAccounts, makeCalls, settle } from './data.ts';
import { atLeast, type Figure, figure } from './figure.ts';
import { interleave, type Options, type PartResult } from './part.ts';
import { openStage, type Server, type Stage } from './stage.ts';
import {
  apikeyRate,
  batchesOf,
  cdrMilliseconds,
  deliver,
  infoRate,
  type Measure,
  makeFeed,
  signupRate,
} from './workloads.ts';

interface Size {
  calls: number;
  accounts: number;
}

const SIZES: Size[] = [
  { calls: 200_000, accounts: 2_000 },
  { calls: 1_000_000, accounts: 10_000 },
  { calls: 20_000_000, accounts: 1_000_000 },
];
const QUICK_SIZES: Size[] = [
  { calls: 20_000, accounts: 200 },
  { calls: 200_000, accounts: 2_000 },
  { calls: 2_000_000, accounts: 100_000 },
];
const LEAST = 0.9;
const KEYS = 500;
const INGEST = { calls: 20_000, batch: 1_000, atOnce: 4, usernames: 2_000 };

/**
 * The same requests on databases of different sizes, in turn, so only the stored data differ. The
 * limit of each figure is the speed on a smaller database.
 */
export async function measureScale(server: Server, options: Options): Promise<PartResult> {
  const sizes = options.quick ? QUICK_SIZES : SIZES;
  const stages: Stage[] = [];
  try {
    const measures: Record<string, Measure>[] = [];
    for (const size of sizes) {
      console.error(`filling a database with ${sizeText(size)} …`);
      const stage = await openStage(server);
      stages.push(stage);
      measures.push(await measuresOf(stage, size, options.seconds));
    }
    const figures: Figure[] = [];
    for (const name of Object.keys(measures[0] ?? {})) {
      console.error(`measuring ${name} …`);
      const values = await interleave(
        options.rounds,
        Object.fromEntries(measures.map((of, n) => [sizeText(sizes[n] as Size), of[name]])),
      );
      figures.push(...figuresOf(name, sizes, values));
    }
    return { figures, leftOut: [] };
  } finally {
    for (const stage of stages) await stage.close();
  }
}

/** Fills a database. @returns the measurements on it, each a number per second */
async function measuresOf(
  stage: Stage,
  size: Size,
  seconds: number,
): Promise<Record<string, Measure>> {
  const withKeys = Math.min(size.accounts, 2_000);
  const accounts = await makeAccounts(stage, { accounts: size.accounts, withKeys });
  const everyone = await stage.db.query<{ username: number }>('SELECT username FROM account');
  const usernames = everyone.map(({ username }) => username);
  await makeCalls(stage, { accounts: usernames, first: 0, calls: size.calls });
  const readings = [100, 10_000].map((rows, n) => ({ rows, ...(accounts[n] as Account) }));
  for (const { rows, username } of readings) {
    const first = 1_000_000_000 + rows * 10;
    await makeCalls(stage, { accounts: [username], first, calls: rows, days: 1 });
  }
  await settle(stage);
  const { port } = await stage.startService();
  const authorization = await makeFeed(stage);
  const paying = accounts.slice(0, INGEST.usernames).map(({ username }) => username);
  const [few, many] = readings.map((reading) => async () => {
    // Ten short answers take milliseconds, which says nothing.
    const repeats = Math.max(10, 50_000 / reading.rows);
    return 1_000 / (await cdrMilliseconds(stage, port, reading, { readers: 1, repeats }));
  });
  return {
    'info, requests/s': infoRate(stage, port, accounts.slice(0, KEYS), seconds),
    'apikey, requests/s': await apikeyRate(stage, port, 10, seconds),
    'cdr of 100 rows, answers/s': few as Measure,
    'cdr of 10,000 rows, answers/s': many as Measure,
    'ingest, 1,000 a batch, 4 at once, calls/s': () =>
      deliver(
        stage,
        port,
        authorization,
        batchesOf(INGEST.calls, INGEST.batch, paying),
        INGEST.atOnce,
      ),
    'signup, requests/s': signupRate(stage, port, seconds),
  };
}

/** The largest database, compared with each smaller one. */
function figuresOf(name: string, sizes: Size[], values: Record<string, number[]>): Figure[] {
  const [what = '', unit = ''] = [name.slice(0, name.lastIndexOf(',')), name.split(', ').at(-1)];
  const largest = sizeText(sizes.at(-1) as Size);
  return sizes.slice(0, -1).map((size) =>
    figure({
      part: 'scale',
      name: `${what}: ${largest}`,
      ours: values[largest] ?? [],
      limit: values[sizeText(size)],
      limitName: `the same with ${sizeText(size)}`,
      unit,
      target: atLeast(LEAST),
    }),
  );
}

function sizeText({ calls, accounts }: Size): string {
  return `${calls.toLocaleString('en-US')} calls of ${accounts.toLocaleString('en-US')} accounts`;
}
