import type { Keyring } from '../../../domain/sealing/keyring.ts';

const MAC_BYTES = 12;
const CURSOR = /^([A-Za-z0-9_-]{1,900})\.([A-Za-z0-9_-]{16})$/;

/**
 * A cursor: the end of a page, with a digest that binds it to its list. So clients cannot make up
 * cursors or use them for another list.
 * @param list identifies the list: path, filters and order
 */
export function writeCursor(keyring: Keyring, list: string, position: unknown[]): string {
  const text = Buffer.from(JSON.stringify(position)).toString('base64url');
  return `${text}.${mac(keyring, list, text)}`;
}

/** @returns undefined if it is not a cursor of this list */
export function readCursor(keyring: Keyring, list: string, cursor: string): unknown[] | undefined {
  const [, text = '', given] = CURSOR.exec(cursor) ?? [];
  if (given !== mac(keyring, list, text)) return undefined;
  return JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
}

function mac(keyring: Keyring, list: string, text: string): string {
  const digest = keyring.digest(`cursor of ${list} at ${text}`);
  return digest.subarray(0, MAC_BYTES).toString('base64url');
}
