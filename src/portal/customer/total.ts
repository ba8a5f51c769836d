import type { Usage } from '../../domain/calls/usage.ts';
import { sumOf } from '../../domain/money.ts';

/** The sum of a range's steps. */
export function totalOf(steps: Usage[]): Usage {
  return {
    calls: steps.reduce((sum, { calls }) => sum + calls, 0),
    answered: steps.reduce((sum, { answered }) => sum + answered, 0),
    billedSeconds: steps.reduce((sum, { billedSeconds }) => sum + billedSeconds, 0),
    amount: sumOf(steps.map(({ amount }) => amount)),
  };
}
