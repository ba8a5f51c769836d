import type { RefusalProblem } from '../problem.ts';
import { Refusal, type RefusalCode } from '../refusal.ts';

/** Why work failed. Pages word the problem, else the code; the detail is for programs. */
export interface Failure {
  /** in the form of the operators' API, such as `not_found` */
  code: string;
  detail: string;
  problem?: RefusalProblem;
}

/** What an operation keeps of an error. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Refusal)) return { code: 'internal', detail: 'Internal error' };
  const { code, message: detail, problem } = error;
  return { code: inUnderscores(code), detail, ...(problem ? { problem } : {}) };
}

const inUnderscores = (code: RefusalCode) => code.replaceAll(' ', '_');
