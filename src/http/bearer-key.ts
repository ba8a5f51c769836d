const NO_KEY = '(no key)';

/**
 * The key of an Authorization header of the scheme Bearer (RFC 6750). A header of this scheme
 * counts even if it has no key.
 * @returns undefined if the header has no such scheme
 */
export function bearerKey(header: string | undefined): string | undefined {
  const bearer = /^bearer(?:\s+(.*))?$/is.exec(header ?? '');
  return bearer ? bearer[1] || NO_KEY : undefined;
}
