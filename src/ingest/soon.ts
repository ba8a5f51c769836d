import { Refusal } from '../domain/refusal.ts';

const SOON_MS = 500;

/**
 * Waits a short time for a result, because an emergency call must not wait long.
 * @returns undefined where the database is late or does not answer
 * @throws Refusal
 */
export function soonOrUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(resolve, SOON_MS, undefined);
    work
      .then(resolve, (error) => (error instanceof Refusal ? reject(error) : resolve(undefined)))
      .finally(() => clearTimeout(late));
  });
}
