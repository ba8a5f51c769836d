// What the names of the operating system mean (errno(3)).
const SYSTEM_ERRORS: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'the permission for it is missing',
  EPERM: 'the permission for it is missing',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'it exists already',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk may only be read',
  EMFILE: 'too many files are open',
  EADDRINUSE: 'another program uses this port',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'there is no such host',
  ECONNREFUSED: 'nothing answers there',
};

interface SystemError extends NodeJS.ErrnoException {
  address?: string;
  port?: number;
  hostname?: string;
}

/** What happened: an error of the operating system in words, any other as it says. */
export function reasonOf(error: unknown): string {
  return SYSTEM_ERRORS[(error as SystemError).code ?? ''] ?? (error as Error).message;
}

/** An error of the operating system in words, with its file or address; undefined for any other. */
export function systemErrorText(error: unknown): string | undefined {
  const { code = '', syscall, path, address, hostname, port } = error as SystemError;
  const words = SYSTEM_ERRORS[code === 'EEXIST' && syscall === 'mkdir' ? 'ENOTDIR' : code];
  const where = path ?? hostname ?? (address && [address, port].filter(Boolean).join(':'));
  return words && where ? `${where}: ${words}` : words;
}

/** Why the database cannot be used, and what to look at. @param cause of a `StoreUnavailable` */
export function unavailableText(cause: unknown): string {
  // If a host name has two addresses, the error of a refused connection holds its messages inside.
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  // The work of a transaction may write a file, such as an export.
  const { code, syscall } = first as SystemError;
  if (syscall === 'open' || code === 'ENOSPC') return systemErrorText(first) ?? String(first);
  const message = first instanceof Error ? first.message : String(first);
  return `the database is not available: ${message}; does it run, and is DATABASE_URL right?`;
}
