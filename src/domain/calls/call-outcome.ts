/**
 * How a call ended: it was answered, the called party was busy or did not answer, the caller hung up
 * first, the called party or a network declined it, the number cannot be reached, or something else failed.
 */
export const CALL_OUTCOMES = [
  'answered',
  'busy',
  'no answer',
  'cancelled',
  'declined',
  'unavailable',
  'failed',
] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** What calls are filtered by. `not answered` includes calls whose outcome is not known. */
export const OUTCOME_CHOICES = ['not answered', ...CALL_OUTCOMES] as const;
export type OutcomeChoice = (typeof OUTCOME_CHOICES)[number];

/** SQL condition, of `call`: it was answered. */
export const IS_ANSWERED = `(talk_microseconds > 0 OR outcome IS NOT DISTINCT FROM 'answered')`;

/** SQL of a call's outcome, of `call`; NULL where no switch reported it. */
export const OUTCOME_OF = `CASE WHEN talk_microseconds > 0 THEN 'answered' ELSE outcome END`;

/** SQL condition, of `call`: it has one of these outcomes. @param chosen SQL of a text[]; NULL: any */
export function matchesOutcome(chosen: string): string {
  return `(${chosen}::text[] IS NULL OR ${OUTCOME_OF} = ANY (${chosen})
    OR 'not answered' = ANY (${chosen}) AND NOT ${IS_ANSWERED})`;
}
