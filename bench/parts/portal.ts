import { markBusy, sumCalls } from '../../src/domain/calls/call-sums.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { makeCalls, settle } from '../data.ts';
import { atMost, type Figure, figure } from '../figure.ts';
import type { Read } from '../generator.ts';
import { interleave, type Part } from '../part.ts';
import { type HttpProcess, memoryMib, restartPeak } from '../process.ts';
import type { Stage } from '../stage.ts';
import { milliseconds, signUp } from '../workloads.ts';

const FEW = 1_000;
const MANY = 1_000_000;
const QUICK_MANY = 100_000;
const DAYS = 30;
const REPEATS = 5;
const SEARCH = '/calls?search=none+of+them';
const SAME_ORDER = 10;
const MOST_MEMORY_MIB = 60;

/**
 * The calls page of an account with a million calls, compared with that of an account with a
 * thousand.
 */
export const portal: Part = async (stage, { rounds, quick }) => {
  const service = await stage.startService();
  const many = quick ? QUICK_MANY : MANY;
  const few = await visit(stage, service, FEW, 2_000_000_000);
  const lots = await visit(stage, service, many, 3_000_000_000);
  await sum(stage);
  await settle(stage);
  const pageOf = (visitor: Visitor, path: string) => () =>
    milliseconds(stage, service.port, reading(visitor, path), {
      readers: 1,
      repeats: REPEATS,
      leastBytes: 1_000,
    });
  const figures: Figure[] = [];
  const older = await nextPage(lots);
  for (const [name, path, fewPath] of [
    ['newest calls, with plots', '/calls', '/calls'],
    ['older calls', older, await nextPage(few)],
    ['a search that finds nothing', SEARCH, SEARCH],
  ] as const) {
    const values = await interleave(rounds, {
      few: pageOf(few, fewPath),
      lots: pageOf(lots, path),
    });
    figures.push(
      figure({
        part: 'portal',
        name: `${name}: ${many.toLocaleString('en-US')} calls`,
        ours: values.lots,
        limit: values.few,
        limitName: `an account with ${FEW.toLocaleString('en-US')}`,
        unit: 'ms',
        // A search reads ten times as many calls here before it shows its progress.
        ...(path === SEARCH ? {} : { target: atMost(SAME_ORDER) }),
      }),
    );
  }
  const memory = await downloadMemory(stage, service, lots, many);
  await service.stop();
  return { figures: memory ? [...figures, memory] : figures, leftOut: [] };
};

/** The service's job every ten minutes for customers whose calls arrive day by day. */
async function sum({ db }: Stage): Promise<void> {
  await sumCalls(db, new Date());
  await sumCalls(db, new Date(Date.now() + 11 * 60_000));
}

/** A customer who is signed in and has calls of the last month. */
async function visit(
  stage: Stage,
  { port }: HttpProcess,
  calls: number,
  first: number,
): Promise<Visitor> {
  const { username, password } = await signUp(port, `portal-${calls}@example.com`);
  await makeCalls(stage, { accounts: [username], first, calls, days: DAYS });
  await markBusy(stage.db, username);
  const visitor = new Visitor(`http://127.0.0.1:${port}`);
  await visitor.open('/sign-in');
  const answer = await visitor.submit('/sign-in', { login: String(username), password });
  if (answer.status !== 303) throw new Error(`signing in was answered ${answer.status}`);
  return visitor;
}

function reading(visitor: Visitor, path: string): Read {
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return { method: 'GET', path, headers: { cookie }, body: '' };
}

async function nextPage(visitor: Visitor): Promise<string> {
  const { body } = await visitor.open('/calls');
  const link = /href="(\/calls\?[^"]*after=[^"]*)"/.exec(body)?.[1];
  if (!link) throw new Error('the calls page has no next page');
  return link.replaceAll('&amp;', '&').replaceAll('&#38;', '&');
}

async function downloadMemory(
  stage: Stage,
  service: HttpProcess,
  visitor: Visitor,
  calls: number,
): Promise<Figure | undefined> {
  const day = (daysAgo: number) =>
    new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
  const path = `/calls/calls.csv?from=${day(DAYS + 1)}&to=${day(0)}`;
  const idle = (await memoryMib(service.pid))?.now;
  if (idle === undefined) return undefined;
  await restartPeak(service.pid);
  await milliseconds(stage, service.port, reading(visitor, path), {
    readers: 1,
    repeats: 1,
    leastBytes: calls * 50,
  });
  const peak = (await memoryMib(service.pid))?.peak ?? Number.NaN;
  return figure({
    part: 'portal',
    name: `peak memory: ${calls.toLocaleString('en-US')} calls as CSV above idle`,
    ours: [peak - idle],
    limitName: '',
    unit: 'MiB',
    target: atMost(MOST_MEMORY_MIB),
    note: `idle: ${idle.toFixed(0)} MiB`,
  });
}
