import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Figure, LeftOut } from './figure.ts';
import type { Machine } from './machine.ts';
import type { Options } from './part.ts';

const RESULTS = new URL('results/', import.meta.url);

/** The file that a run writes into bench/results. */
export interface Result {
  machine: Machine;
  options: Options;
  figures: Figure[];
  leftOut: LeftOut[];
}

/** @returns its path from the root of the repository */
export async function keepResult(result: Result): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const name = `${result.machine.startedAt.replaceAll(/[:.]/g, '-')}.json`;
  await writeFile(new URL(name, RESULTS), `${JSON.stringify(result, null, 2)}\n`);
  return `bench/results/${name}`;
}

export async function readResult(path: string): Promise<Result> {
  return JSON.parse(await readFile(path, 'utf8')) as Result;
}
