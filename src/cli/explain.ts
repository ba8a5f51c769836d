import { StoreUnavailable } from '../db/errors.ts';
import { InvalidValue } from '../domain/entered-values.ts';
import { wordProblem } from '../domain/problem.ts';
import { PROBLEM_WORDS } from '../domain/problem-words.ts';
import { Refusal } from '../domain/refusal.ts';
import { systemErrorText, unavailableText } from '../system-error.ts';

/** The operator sees one line for an error, never a stack. */
export function explain(error: unknown): string {
  if (error instanceof InvalidValue) {
    return `${spoken(error.problem.key)}: ${wordProblem(PROBLEM_WORDS, error.problem)}`;
  }
  if (error instanceof Refusal) {
    if (!error.requirement) return error.message;
    return `${error.field ? spoken(error.field) : error.message}: ${error.requirement}`;
  }
  if (error instanceof StoreUnavailable) return unavailableText(error.cause);
  const words = systemErrorText(error);
  if (words) return words;
  return error instanceof Error ? error.message || error.name : String(error);
}

/** The name of a field as words: `caller id` for `callerId`. */
function spoken(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
