import { type Figure, type LeftOut, number } from './figure.ts';
import type { Stage } from './stage.ts';

export interface Options {
  rounds: number;
  /** duration of one measurement of requests per second */
  seconds: number;
  /** shorter, for a first impression */
  quick: boolean;
}

export interface PartResult {
  figures: Figure[];
  leftOut: LeftOut[];
}

/** Measures one subject and its limits. It makes its data and leaves them there. */
export type Part = (stage: Stage, options: Options) => Promise<PartResult>;

/**
 * Measures several things in turn and repeats this, so that other work of the machine affects all
 * of them equally. The first round is a warm-up and is not counted. Each value is also shown on
 * standard error, so a run that is cut off tells what it measured.
 * @param measures undefined: cannot be measured here
 * @param about what the names of the measures leave out
 * @returns the values of each, in the order of the rounds
 */
export async function interleave<Name extends string>(
  rounds: number,
  measures: Record<Name, (() => Promise<number>) | undefined>,
  about = '',
): Promise<Record<Name, number[]>> {
  const names = Object.keys(measures) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await measures[name]?.();
      if (value === undefined) continue;
      console.error(`  ${[about, name].filter(Boolean).join(', ')}: ${number(value)}`);
      if (round > 0) values[name].push(value);
    }
  }
  return values;
}
