const NO_KEY = '(no key)';

/**
 * The key of an Authorization header of the scheme Bearer (RFC 6750), which decides even where it
 * is none.
 * @returns undefined where the header is of no such scheme
 */
export function bearerKey(header: string | undefined): string | undefined {
  const bearer = /^bearer(?:\s+(.*))?$/is.exec(header ?? '');
  return bearer ? bearer[1] || NO_KEY : undefined;
}
