import { get } from 'node:http';
import { startSession } from '../../src/domain/session.ts';
import { makeAccounts, makeCalls, settle } from '../data.ts';
import { atMost, type Figure, figure } from '../figure.ts';
import { interleave, type Part } from '../part.ts';
import { type HttpProcess, memoryMib, restartPeak } from '../process.ts';
import type { Stage } from '../stage.ts';

const FEW = 1_000;
const MANY = 1_000_000;
const QUICK_MANY = 100_000;
const DAYS = 360;
const REPEATS = 10;
const SAME_ORDER = 10;
const MOST_FOR_DOWNLOAD_MIB = 60;
// Numbers of their own, far from those of other parts.
const FIRST_CALL = 3_000_000_000;

interface Customer {
  cookie: string;
}

/** The calls page of an account with a million calls beside one with a thousand, and its download. */
export const portal: Part = async (stage, { rounds, quick }) => {
  const many = quick ? QUICK_MANY : MANY;
  const accounts = await makeAccounts(stage, { accounts: 2_000, withKeys: 2 });
  const [small = 0, large = 0] = accounts.map(({ username }) => username);
  await makeCalls(stage, { accounts: [small], first: FIRST_CALL, calls: FEW, days: DAYS });
  await makeCalls(stage, { accounts: [large], first: FIRST_CALL + FEW, calls: many, days: DAYS });
  await settle(stage);
  const service = await stage.startService();
  const [one, other] = [await signIn(stage, small), await signIn(stage, large)];
  const pages: [string, string][] = [
    ['its first page, with the plots of a week', '/calls'],
    ['a page half a year back', `/calls?${yearBack()}&after=${halfYearBack()}`],
    ['a search that finds nothing', '/calls?search=5555555555'],
  ];
  const figures: Figure[] = [];
  for (const [name, path] of pages) {
    const values = await interleave(rounds, {
      few: () => milliseconds(service, one, path),
      many: () => milliseconds(service, other, path),
    });
    figures.push(
      figure({
        part: 'portal',
        name: `calls of ${many.toLocaleString('en-US')}: ${name}`,
        ours: values.many,
        limit: values.few,
        limitName: 'the same of 1,000',
        unit: 'ms',
        target: atMost(SAME_ORDER),
      }),
    );
  }
  figures.push(await downloadFigure(service, other, many));
  await service.stop();
  return { figures, leftOut: [] };
};

async function signIn({ db, keyring }: Stage, username: number): Promise<Customer> {
  const now = new Date();
  const session = { username, address: '127.0.0.1', userAgent: 'benchmark', now };
  return { cookie: `account_api_session=${await startSession(db, keyring, session)}` };
}

/** The mean of some requests in turn. */
async function milliseconds(service: HttpProcess, who: Customer, path: string): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < REPEATS; n++) await read(service, who, path);
  return (performance.now() - start) / REPEATS;
}

async function downloadFigure(service: HttpProcess, who: Customer, calls: number): Promise<Figure> {
  // Warm, so that what is measured is the answer and not the code that makes it.
  await read(service, who, '/calls/calls.csv');
  const idle = (await memoryMib(service.pid))?.now ?? Number.NaN;
  await restartPeak(service.pid);
  await read(service, who, `/calls/calls.csv?${yearBack()}`);
  const peak = (await memoryMib(service.pid))?.peak ?? Number.NaN;
  return figure({
    part: 'portal',
    name: `peak memory: CSV of ${calls.toLocaleString('en-US')} calls above idle`,
    ours: [peak - idle],
    limitName: '',
    unit: 'MiB',
    target: atMost(MOST_FOR_DOWNLOAD_MIB),
    note: `idle: ${idle.toFixed(0)} MiB`,
  });
}

/** Reads an answer to its end and keeps nothing of it. */
function read({ port }: HttpProcess, { cookie }: Customer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { cookie } }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`));
      answer.resume().on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
}

function yearBack(): string {
  return `from=${new Date(Date.now() - DAYS * 86_400_000).toISOString().slice(0, 10)}`;
}

function halfYearBack(): string {
  return `${(Date.now() - 180 * 86_400_000) * 1_000}-${'0'.repeat(32)}`;
}
