import { InvalidValue } from '../domain/entered-values.ts';
import { type Problem, wordProblem } from '../domain/problem.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Fields } from './input.ts';
import type { Messages } from './messages/index.ts';

/** The faults of a form, by the names of its fields. */
export type Problems = Record<string, string>;

type Readers = Record<string, (text: string) => unknown>;

export type Values<R extends Readers> = { [Name in keyof R]: ReturnType<R[Name]> };

/**
 * Reads fields of a form, each by its own rule.
 * @returns the values, or else the faults by field
 */
export function readFields<R extends Readers>(
  m: Messages,
  fields: Fields,
  readers: R,
): { values: Values<R>; problems?: undefined } | { values?: undefined; problems: Problems } {
  const values: Record<string, unknown> = {};
  const problems: Problems = {};
  for (const [name, read] of Object.entries(readers)) {
    try {
      values[name] = read((fields[name] ?? '').trim());
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      problems[name] = wordProblem(m.problems, error.problem);
    }
  }
  return Object.keys(problems).length > 0 ? { problems } : { values: values as Values<R> };
}

/** The status of a page with a form: 400 if it is shown again with faults. */
export const statusOf = (problems: Problems) => (Object.keys(problems).length > 0 ? 400 : 200);

/**
 * The text of a refusal beside a field.
 * @throws the error itself if it is not a refusal with words for pages
 */
export function problemOf(m: Messages, error: unknown): { key: Problem['key']; text: string } {
  if (!(error instanceof Refusal || error instanceof InvalidValue) || !error.problem) throw error;
  const { problem }: { problem: Problem } = { problem: error.problem };
  return { key: problem.key, text: wordProblem(m.problems, problem) };
}

/** A field that may be empty. */
export function optional<Value>(read: (text: string) => Value): (text: string) => Value | null {
  return (text) => (text === '' ? null : read(text));
}
