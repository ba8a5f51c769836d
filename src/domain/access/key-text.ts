import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** How the secrets of keys begin, so that scanners of code can find them. */
export const OPERATOR_KEY = 'accapi_op_';
export const NAMED_KEY = 'accapi_ro_';

type Prefix = typeof OPERATOR_KEY | typeof NAMED_KEY;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM = 32;
const CHECK = 6;
const AFTER_PREFIX = /^[0-9A-Za-z]{38}$/;

/** Random characters, 5.95 bits each. */
export function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

/** The CRC-32 of a text in six digits of base 62; it shows whether a key was mistyped. */
export function checkDigits(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let n = 0; n < CHECK; n++) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

/** A new secret of a key: 190 random bits and check digits after its prefix. */
export function newSecret(prefix: Prefix): string {
  const text = prefix + randomText(RANDOM);
  return text + checkDigits(text);
}

/** Whether a text has the form of such a secret, its check digits included. */
export function isSecret(prefix: Prefix, text: string): boolean {
  return (
    text.startsWith(prefix) &&
    AFTER_PREFIX.test(text.slice(prefix.length)) &&
    checkDigits(text.slice(0, -CHECK)) === text.slice(-CHECK)
  );
}

/** The last characters of a secret; they identify its key in a list. */
export function tailOf(secret: string): string {
  return secret.slice(-CHECK);
}
