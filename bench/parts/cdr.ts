import { CALL_RECORD } from '../../src/api/common/call-record.ts';
import { makeAccounts, makeCalls, settle } from '../data.ts';
import { atLeast, atMost, type Figure, figure, type LeftOut, median } from '../figure.ts';
import { postBytes } from '../load.ts';
import { interleave, type Part } from '../part.ts';
import { type HttpProcess, isInstalled, memoryMib, restartPeak, runProgram } from '../process.ts';
import type { Stage } from '../stage.ts';
import { cdrMilliseconds } from '../workloads.ts';

const READERS = 8;
const SIZES = [100, 10_000, 1_000_000];
const QUICK_SIZES = [100, 10_000];
// Reads per measurement: enough that one delay does not decide.
const REPEATS: Record<number, number> = { 100: 50, 10000: 10, 1000000: 1 };
const TARGETS: Record<number, number> = { 100: 1.5, 10000: 1.25 };
const CONNECTIONS = 32;
const LEAST_ANSWERS = 3_000;
const MOST_FOR_EIGHT_MIB = 15;
const MOST_FOR_A_MILLION_MIB = 60;

interface Reading {
  rows: number;
  username: number;
  key: string;
}

/** Calls of a day, compared with psql's COPY of the same JSON, and the memory for them. */
export const cdr: Part = async (stage, { rounds, quick, seconds }) => {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const accounts = await makeAccounts(stage, { accounts: 2_000, withKeys: sizes.length });
  const readings = sizes.map((rows, n) => ({ rows, ...accounts[n] }) as Reading);
  for (const { rows, username } of readings) {
    // A range of numbers far from those of other parts.
    const first = 1_000_000_000 + rows * 10;
    await makeCalls(stage, { accounts: [username], first, calls: rows, days: 1 });
  }
  await settle(stage);
  const service = await stage.startService();
  const figures: Figure[] = [];
  const leftOut: LeftOut[] = [];
  const hasPsql = await isInstalled('psql');
  if (!hasPsql) leftOut.push({ part: 'cdr', name: 'beside psql', why: 'psql is not installed' });
  for (const reading of readings) {
    const { rows } = reading;
    const measures = {
      psql: hasPsql ? psqlCopy(stage, reading) : undefined,
      ours: () => readOnce(stage, service, reading, 1),
    };
    const times = rows > 100_000 ? Math.min(rounds, 3) : rounds;
    const values = await interleave(times, measures, `${rows} rows, ms`);
    const target = TARGETS[rows];
    figures.push(
      figure({
        part: 'cdr',
        name: `${rows.toLocaleString('en-US')} rows`,
        ours: values.ours,
        limit: values.psql,
        limitName: 'psql COPY of the same JSON',
        unit: 'ms',
        ...(target ? { target: atMost(target) } : {}),
      }),
    );
  }
  const [hundred] = readings as [Reading];
  const { rate } = await interleave(rounds, {
    rate: () => answerRate(stage, service, hundred, seconds),
  });
  figures.push(
    figure({
      part: 'cdr',
      name: `100 rows, ${CONNECTIONS} connections`,
      ours: rate,
      limitName: '',
      unit: 'answers/s',
      target: atLeast(LEAST_ANSWERS),
    }),
  );
  await service.stop();
  if (!quick) figures.push(...(await memoryFigures(stage, readings, rounds)));
  return { figures, leftOut };
};

function readOnce(
  stage: Stage,
  { port }: HttpProcess,
  reading: Reading,
  readers: number,
): Promise<number> {
  return cdrMilliseconds(stage, port, reading, { readers, repeats: REPEATS[reading.rows] ?? 1 });
}

async function answerRate(
  { load }: Stage,
  { port }: HttpProcess,
  { key }: Reading,
  seconds: number,
): Promise<number> {
  const requests = [postBytes('/v2.1/account/cdr/', [`Authorization: Bearer ${key}`])];
  const connections = CONNECTIONS;
  const outcome = await load.run({ kind: 'seconds', port, connections, seconds, requests });
  return outcome.requests / outcome.seconds;
}

/** Milliseconds for psql to copy the same JSON, timed by psql itself. */
function psqlCopy(stage: Stage, { rows, username }: Reading): () => Promise<number> {
  const text = `COPY (SELECT ${CALL_RECORD} FROM call
    WHERE billing_account = ${username} AND account = ${username}
      AND started_at >= now() - interval '1 day' AND started_at <= now()
    ORDER BY started_at DESC, id DESC)
    TO STDOUT WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`;
  const copies = `${text.replaceAll(/\s+/g, ' ')};\n`.repeat(REPEATS[rows] ?? 1);
  return async () => {
    const { output } = await runProgram(
      'psql',
      ['-X', '-q', '-v', 'ON_ERROR_STOP=1', stage.databaseUrl],
      `\\timing on\n\\o /dev/null\n${copies}`,
    );
    return median([...output.matchAll(/Time: ([0-9.]+) ms/g)].map(([, ms]) => Number(ms)));
  };
}

/** Peaks of the service's memory, above its idle value. */
async function memoryFigures(stage: Stage, readings: Reading[], rounds: number): Promise<Figure[]> {
  const tenThousand = readings.find(({ rows }) => rows === 10_000) as Reading;
  const service = await stage.startService();
  const peakOf = async (reading: Reading, readers: number) => {
    await restartPeak(service.pid);
    await readOnce(stage, service, reading, readers);
    return (await memoryMib(service.pid))?.peak ?? Number.NaN;
  };
  // The service is warm, so the answers are measured, not the compilation of the code.
  for (let n = 0; n < 3; n++) await peakOf(tenThousand, 1);
  const idle = (await memoryMib(service.pid))?.now ?? Number.NaN;
  if (Number.isNaN(idle)) return [];
  const values = await interleave(rounds, {
    one: () => peakOf(tenThousand, 1),
    eight: () => peakOf(tenThousand, READERS),
  });
  const mib = (name: string, ours: number, most: number): Figure =>
    figure({
      part: 'cdr',
      name,
      ours: [ours],
      limitName: '',
      unit: 'MiB',
      target: atMost(most),
      note: `idle: ${idle.toFixed(0)} MiB`,
    });
  const [one, eight] = [Math.max(...values.one), Math.max(...values.eight)];
  const figures = [
    mib('peak memory: 8 readers of 10,000 above 1', eight - one, MOST_FOR_EIGHT_MIB),
  ];
  const million = readings.find(({ rows }) => rows === 1_000_000);
  if (million) {
    const peak = await peakOf(million, 1);
    figures.push(
      mib('peak memory: a million rows above idle', peak - idle, MOST_FOR_A_MILLION_MIB),
    );
  }
  await service.stop();
  return figures;
}
