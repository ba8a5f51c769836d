import { StoreUnavailable } from '../db/errors.ts';
import { InvalidValue } from '../domain/entered-values.ts';
import { wordProblem } from '../domain/problem.ts';
import { PROBLEM_WORDS } from '../domain/problem-words.ts';
import { Refusal } from '../domain/refusal.ts';

/** The operator sees one line for an error, never a stack. */
export function explain(error: unknown): string {
  if (error instanceof InvalidValue) return wordProblem(PROBLEM_WORDS, error.problem);
  if (error instanceof Refusal) {
    return error.requirement ? `${error.message}: ${error.requirement}` : error.message;
  }
  if (error instanceof StoreUnavailable) {
    return `the database is not available: ${causeOf(error.cause)}; does it run, and is DATABASE_URL right?`;
  }
  return error instanceof Error ? error.message || error.name : String(error);
}

/**
 * If a host name has two addresses, the error of a refused connection holds its messages inside.
 */
function causeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
