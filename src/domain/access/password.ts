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
// Each running hash holds 19 MiB and a thread; more at once would starve everything else.
const slots = new Semaphore(4);
let hashes = 0;

/** How often this process has computed a password's hash, which is what signing in costs. */
export function hashesComputed(): number {
  return hashes;
}

/** The same characters in either of Unicode's forms are one password: NFC is what is hashed. */
export function hashPassword(password: string): Promise<string> {
  return compute(({ hash }) => hash(password.normalize('NFC'), ARGON2));
}

// The hash of no one's password, so that an unknown account costs what a wrong password costs.
const { memoryCost, timeCost, parallelism } = ARGON2;
const DECOY =
  `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}` +
  `$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/**
 * Compares a password with its hash; with no hash, does the same work and says no.
 * @param phc the hash as a PHC string
 */
export async function passwordMatches(password: string, phc: string | undefined): Promise<boolean> {
  const expected = phc ?? DECOY;
  // Hashes from before passwords were normalized are of what was typed then.
  const forms = [password.normalize('NFC'), password, password.normalize('NFD')];
  for (const form of new Set(forms)) {
    if ((await compute(({ verify }) => verify(expected, form))) && phc !== undefined) return true;
  }
  return false;
}

function compute<T>(work: (argon2: typeof import('@node-rs/argon2')) => Promise<T>): Promise<T> {
  return slots.run(async () => {
    hashes++;
    return work(await import('@node-rs/argon2'));
  });
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
