import { dictionary } from '@zxcvbn-ts/language-common';

export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 128;

export type PasswordProblem = 'short' | 'long' | 'common' | 'own';

const COMMON = new Set(
  dictionary['passwords-common']
    .map((password) => String(password).toLowerCase())
    .filter((password) => password.length >= SHORTEST_PASSWORD),
);

/**
 * What is wrong with a password that someone chose. There are no rules of composition; length
 * counts, and what guessers try first is refused.
 * @param own what others know of the account: its username, address and name
 * @returns undefined where it is acceptable
 */
export function passwordProblem(password: string, own: string[]): PasswordProblem | undefined {
  const characters = [...password];
  if (characters.length < SHORTEST_PASSWORD) return 'short';
  if (characters.length > LONGEST_PASSWORD) return 'long';
  const lower = password.toLowerCase();
  if (COMMON.has(lower) || new Set(characters).size === 1) return 'common';
  return own.some((text) => text.toLowerCase() === lower) ? 'own' : undefined;
}
