import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config.ts';

const DEEPEST_CAUSE = 5;

/** The logged data of an error. */
interface LoggedError {
  type: string;
  message: string;
  code?: unknown;
  constraint?: unknown;
  stack?: string | undefined;
  cause?: LoggedError;
}

/**
 * The log: lines of JSON. Only those members of an error are logged that help to find its cause,
 * because PostgreSQL's errors may hold whole rows, with sealed and hashed values.
 */
export function createLog(level: Config['logLevel'], destination: DestinationStream): Logger {
  return pino(
    { level, base: null, serializers: { err: (error) => describeError(error) } },
    destination,
  );
}

/** pg-boss copies errors into plain objects. */
function isErrorLike(error: unknown): error is Partial<Error> & { message: string } {
  return error instanceof Error || typeof (error as Error | null)?.message === 'string';
}

function describeError(error: unknown, depth = 1): LoggedError {
  if (!isErrorLike(error)) return { type: typeof error, message: String(error) };
  const { name = 'Error', message, stack, cause } = error;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return {
    type: name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    stack,
    ...(cause === undefined || depth === DEEPEST_CAUSE
      ? {}
      : { cause: describeError(cause, depth + 1) }),
  };
}
