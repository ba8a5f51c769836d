import { appendFileSync } from 'node:fs';
import { after } from 'node:test';

export const FULL = process.env.FAULTS === 'full';
const SEED = Number(process.env.FAULTS_SEED ?? 0);

let state = SEED;

/** Number of attempts of a fault: a few, or with FAULTS=full as many as documented. */
export function times(few: number, full: number): number {
  return FULL ? full : few;
}

/** The next number from the run's seed, at least 0 and below 1 (mulberry32). */
export function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

/** A number of milliseconds between two bounds. */
export function between(leastMs: number, mostMs: number): number {
  return leastMs + random() * (mostMs - leastMs);
}

export function pick<T>(values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

const rows: string[] = [];

/** Adds a line to the run's table: the promise, the number of attempts, the result. */
export function report(promise: string, count: string, result: string): void {
  rows.push(JSON.stringify({ promise, count, result }));
}

after(() => {
  const file = process.env.FAULTS_REPORT;
  if (file && rows.length > 0) appendFileSync(file, `${rows.join('\n')}\n`);
});
