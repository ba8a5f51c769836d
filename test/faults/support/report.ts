import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string;

/** Gives all files of a run the same seed. */
export function globalSetup(): void {
  process.env.FAULTS_SEED ??= String(randomInt(1, 2 ** 31));
  folder = mkdtempSync(join(tmpdir(), 'account-api-faults-'));
  process.env.FAULTS_REPORT = join(folder, 'report');
  const counts =
    process.env.FAULTS === 'full' ? 'full counts' : 'small counts; FAULTS=full for all';
  console.log(
    `seed ${process.env.FAULTS_SEED} (${counts}); again with FAULTS_SEED=… npm run test:faults`,
  );
}

/** Prints the table for docs/reliability.md. */
export function globalTeardown(): void {
  const lines = readReport(join(folder, 'report'));
  console.log(`\nseed ${process.env.FAULTS_SEED}, ${new Date().toISOString().slice(0, 10)}\n`);
  console.log('| promise | tried | result |\n| --- | --- | --- |');
  for (const { promise, count, result } of lines) {
    console.log(`| ${promise} | ${count} | ${result} |`);
  }
  rmSync(folder, { recursive: true, force: true });
}

function readReport(file: string): { promise: string; count: string; result: string }[] {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line));
  } catch {
    return [];
  }
}
