import { setTimeout } from 'node:timers/promises';
import { Refusal } from '../domain/refusal.ts';

const SOON_MS = 500;

/**
 * Waits a short time for a result, because an emergency call must not wait long.
 * @returns undefined where the database is late or does not answer
 * @throws Refusal
 */
export async function soonOrUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([work, setTimeout(SOON_MS, undefined, { signal: late.signal })]);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return undefined;
  } finally {
    // A later failure has no listener, and must not end the process.
    work.catch(() => undefined);
    late.abort();
  }
}
