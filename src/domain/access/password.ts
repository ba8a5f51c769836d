import { randomInt } from 'node:crypto';
import type { Options } from '@node-rs/argon2';
import { Semaphore } from './semaphore.ts';

// OWASP's minimum for argon2id: 19 MiB, two passes, one lane
// (https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
// The library's default algorithm is argon2id.
const ARGON2: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const DIGITS = '0123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const GENERATED_LENGTH = 10;
// Each running hash takes 19 MiB and a thread; more at once would slow down everything else.
const slots = new Semaphore(4);
const { memoryCost, timeCost, parallelism } = ARGON2;
let hashes = 0;

/** How many password hashes this process has computed; they are the main cost of a sign-in. */
export function hashesComputed(): number {
  return hashes;
}

/**
 * Hashes a password in the form NFC, so both Unicode forms of a text are one password.
 * @param isPatient for one of many, for which nobody who signs in has to wait
 */
export function hashPassword(password: string, isPatient = false): Promise<string> {
  return inHashSlot(({ hash }) => hash(password.normalize('NFC'), ARGON2), isPatient);
}

/** No password has this hash. With it an unknown account takes as long as a wrong password. */
export const NO_PASSWORD =
  `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}` +
  `$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Compares a password with its hash, within a slot. Without a hash it does the same work and
 * returns false.
 * @param phc the hash as a PHC string
 */
export async function matchesHash(password: string, phc: string | undefined): Promise<boolean> {
  const isRight = await anyForm(password, (form) => argon2Matches(form, phc ?? NO_PASSWORD));
  return isRight && phc !== undefined;
}

/**
 * Whether one of the Unicode forms of a password passes a check. Older hashes, and those of other
 * systems, were made of the typed text.
 */
export async function anyForm(
  password: string,
  check: (form: string) => Promise<boolean>,
): Promise<boolean> {
  const forms = [password.normalize('NFC'), password, password.normalize('NFD')];
  for (const form of new Set(forms)) if (await check(form)) return true;
  return false;
}

/** Compares a text with a hash of argon2, within a slot. */
export async function argon2Matches(text: string, phc: string): Promise<boolean> {
  return (await import('@node-rs/argon2')).verify(phc, text);
}

/** Runs work that takes much CPU time or memory; only a few run at once. */
export function inHashSlot<T>(
  work: (argon2: typeof import('@node-rs/argon2')) => Promise<T>,
  isPatient = false,
): Promise<T> {
  return slots.run(async () => {
    hashes++;
    return work(await import('@node-rs/argon2'));
  }, isPatient);
}

/** Ten letters and digits, at least one of each. */
export function generatePassword(): string {
  const pick = (alphabet: string) => alphabet.charAt(randomInt(alphabet.length));
  const characters = [pick(DIGITS), pick(LETTERS)];
  while (characters.length < GENERATED_LENGTH) characters.push(pick(DIGITS + LETTERS));
  for (let last = characters.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? '', characters[last] ?? ''];
  }
  return characters.join('');
}
