import pg from 'pg';

/** PostgreSQL cannot take the work now; the same request may succeed later. */
export class StoreUnavailable extends Error {
  constructor(cause: unknown) {
    super('the database is not available', { cause });
  }
}

/** No connection was made, so nothing was sent. */
export class NotConnected extends StoreUnavailable {}

/** The connection was lost before the answer, so the statement may or may not have been executed. */
export class InDoubt extends StoreUnavailable {}

// Classes and codes (https://www.postgresql.org/docs/current/errcodes-appendix.html) about the
// server's state, not the statement. Class 40 arrives here only after several tries.
const UNAVAILABLE_CLASSES = new Set(['08', '40', '53', '58']);
const UNAVAILABLE_CODES = new Set(['57P01', '57P02', '57P03', '57P04', '25006', '57014', '55P03']);
const RETRYABLE_CODES = new Set(['40001', '40P01']);
const DEADLOCK_TRIES = 5;
// A session that the server ends, or refuses, has rolled back.
const ENDED_CODES = new Set(['57P01', '57P02', '57P03']);
const READ_ONLY = '25006';

/** Turns an error that means "not now" into StoreUnavailable; returns any other unchanged. */
export function translate(error: unknown): unknown {
  return isUnavailable(error) ? new StoreUnavailable(error) : error;
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

/** Whether the failed work changed nothing, and may succeed on another primary. */
export function mayRepeat(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return error instanceof NotConnected;
  return isReadOnly(error) || hasCode(error, ENDED_CODES) || isLostConnection(error);
}

/** The server takes no writes now. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === READ_ONLY;
}

/** Makes a lost connection InDoubt; returns any other error unchanged. */
export function doubted(error: unknown): unknown {
  return isLostConnection(error) ? new InDoubt(error) : error;
}

function hasCode(error: unknown, codes: Set<string>): boolean {
  return error instanceof pg.DatabaseError && codes.has(error.code ?? '');
}

function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof StoreUnavailable) return false;
  // A pooler reports the loss of its own connection by class 08.
  if (error instanceof pg.DatabaseError) return error.code?.startsWith('08') ?? false;
  if ('syscall' in error || 'errors' in error) return true;
  return /Connection terminated(?! due to)|not queryable/.test(error.message);
}

function isRetryable(error: unknown): boolean {
  return hasCode(error, RETRYABLE_CODES);
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
  // A session that takes no writes may lead to a former primary.
  return error instanceof pg.DatabaseError && !/^(08|57P|25006)/.test(error.code ?? '08');
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
