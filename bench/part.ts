import type { Figure, LeftOut } from './figure.ts';
import type { Stage } from './stage.ts';

export interface Options {
  rounds: number;
  /** how long requests a second are counted at a time */
  seconds: number;
  /** shorter, for a first look */
  quick: boolean;
}

export interface PartResult {
  figures: Figure[];
  leftOut: LeftOut[];
}

/** Measures one thing beside its limits. It makes the data it needs, and leaves it there. */
export type Part = (stage: Stage, options: Options) => Promise<PartResult>;

/**
 * Measures several things in turn, again and again, so that whatever else the machine does meets
 * all of them alike. The first round warms up and is not counted.
 * @param measures undefined: cannot be measured here
 * @returns the values of each, in the order of the rounds
 */
export async function interleave<Name extends string>(
  rounds: number,
  measures: Record<Name, (() => Promise<number>) | undefined>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(measures) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await measures[name]?.();
      if (round > 0 && value !== undefined) values[name].push(value);
    }
  }
  return values;
}
