import { StoreUnavailable } from '../db/errors.ts';
import { InvalidValue } from '../domain/entered-values.ts';
import { wordProblem } from '../domain/problem.ts';
import { PROBLEM_WORDS } from '../domain/problem-words.ts';
import { Refusal } from '../domain/refusal.ts';

/** The operator sees one line for an error, never a stack. */
export function explain(error: unknown): string {
  if (error instanceof InvalidValue) return wordProblem(PROBLEM_WORDS, error.problem);
  if (error instanceof Refusal) {
    if (!error.requirement) return error.message;
    return `${error.field ? spoken(error.field) : error.message}: ${error.requirement}`;
  }
  if (error instanceof StoreUnavailable) {
    return `the database is not available: ${causeOf(error.cause)}; does it run, and is DATABASE_URL right?`;
  }
  const {
    code = '',
    path,
    address,
    port,
  } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  const words = SYSTEM_ERRORS[code];
  const where = path ?? (address && [address, port].filter(Boolean).join(':'));
  if (words) return where ? `${where}: ${words}` : words;
  return error instanceof Error ? error.message || error.name : String(error);
}

// What the names of the operating system mean (errno(3)).
const SYSTEM_ERRORS: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'the permission for it is missing',
  EPERM: 'the permission for it is missing',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'it exists already',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk may only be read',
  EMFILE: 'too many files are open',
  EADDRINUSE: 'another program uses this port',
  ECONNREFUSED: 'nothing answers there',
};

/** The name of a field as words: `caller id` for `callerId`. */
function spoken(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/**
 * If a host name has two addresses, the error of a refused connection holds its messages inside.
 */
function causeOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
