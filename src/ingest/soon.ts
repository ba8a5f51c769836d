import { setTimeout } from 'node:timers/promises';
import { Refusal } from '../domain/refusal.ts';

const SOON_MS = 500;

/**
 * What an emergency call may wait for: a result that comes soon.
 * @returns undefined where the database is late or does not answer @throws Refusal
 */
export async function soonOrUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([work, setTimeout(SOON_MS, undefined, { signal: late.signal })]);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return undefined;
  } finally {
    // Nobody may listen any more to what fails later.
    work.catch(() => undefined);
    late.abort();
  }
}
