import pg from 'pg';

/** PostgreSQL cannot take the work now; the same request may succeed later. */
export class StoreUnavailable extends Error {
  constructor(cause: unknown) {
    super('the database is not available', { cause });
  }
}

// Classes and codes (https://www.postgresql.org/docs/current/errcodes-appendix.html) about the
// server's state, not the statement. Class 40 arrives here only after several tries.
const UNAVAILABLE_CLASSES = new Set(['08', '40', '53', '58']);
const UNAVAILABLE_CODES = new Set(['57P01', '57P02', '57P03', '57P04', '25006', '57014', '55P03']);
const RETRYABLE_CODES = new Set(['40001', '40P01']);
const DEADLOCK_TRIES = 5;

/** Turns an error that means "not now" into StoreUnavailable; returns any other unchanged. */
export function translate(error: unknown): unknown {
  return isUnavailable(error) ? new StoreUnavailable(error) : error;
}

/** Runs `work`, and translates what it throws. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translate(error);
  }
}

/** Runs `work`, and again from its start after a deadlock or serialization failure. */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === DEADLOCK_TRIES || !isRetryable(error)) throw error;
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && RETRYABLE_CODES.has(error.code ?? '');
}

/** The name of the violated constraint: unique, foreign key or check. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  return error.code?.startsWith('23') ? error.constraint : undefined;
}

/** A function got an unknown value, such as a time zone. */
export function isInvalidParameter(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '22023';
}

/** Another transaction kept a lock for too long. Also accepts a result of `translate`. */
export function isLockTimeout(error: unknown): boolean {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === '55P03';
}

/** PostgreSQL refused a statement, but the connection can still be used. */
export function leavesConnection(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(08|57P)/.test(error.code ?? '08');
}

/** A unique constraint was violated. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505';
}

/** No partition holds the row (the driver names no constraint for it). */
export function isMissingPartition(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError && error.code === '23514' && error.constraint === undefined
  );
}

function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof StoreUnavailable) return false;
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    return UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || UNAVAILABLE_CODES.has(code);
  }
  if ('syscall' in error || 'errors' in error) return true;
  // The driver reports a lost or slow connection by these texts alone.
  return /Connection terminated|timeout|not queryable|Client was closed|after calling end/i.test(
    error.message,
  );
}
