import { Refusal } from '../domain/refusal.ts';

const QUOTE = '"';
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COLON = 0x3a;
const PUNCTUATION = /["{}[\],:]/g;
const SPECIAL = /["\\\p{Cc}]/gu;
const decoder = new TextDecoder('utf-8', { fatal: true });
const lenientDecoder = new TextDecoder();

export interface JsonRules {
  /** names of members that may occur twice; the last value counts */
  repeatable?: ReadonlySet<string>;
  /**
   * Strings may hold any character. Bytes that are not UTF-8 become U+FFFD; unescaped control
   * characters, NUL and half surrogate pairs are kept. The caller checks the strings that matter.
   */
  lenientStrings?: boolean;
  /** most levels of nested values; if left out, no limit except the body's size */
  mostLevels?: number;
}

/**
 * Reads JSON more strictly than JSON.parse: it refuses texts that two parsers could read
 * differently.
 * @throws Refusal 'malformed' for data that is not JSON in UTF-8, a member that occurs twice,
 *   strings with NUL or half a surrogate pair, and more levels than the rules allow
 */
export function parseStrictJson(bytes: Uint8Array, rules: JsonRules = {}): unknown {
  let parsed: { text: string; value: unknown };
  try {
    parsed = rules.lenientStrings ? parseLenient(bytes) : parseText(decoder.decode(bytes));
  } catch {
    throw new Refusal('malformed', 'The body must be JSON in UTF-8');
  }
  const { text, value } = parsed;
  if (!isPlain(text, countMembers(value, rules.mostLevels))) checkTokens(text, rules);
  return value;
}

function parseText(text: string) {
  // The stack is not needed, and to collect it takes most of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return { text, value: JSON.parse(text) as unknown };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function parseLenient(bytes: Uint8Array) {
  const text = lenientDecoder.decode(bytes);
  try {
    return parseText(text);
  } catch (error) {
    // Only then is the whole text searched, because that takes long.
    if (!/control character/i.test((error as Error).message)) throw error;
    return parseText(escapeControls(text));
  }
}

/** Escapes control characters within strings, because JSON does not allow them there. */
function escapeControls(text: string): string {
  const parts: string[] = [];
  let copied = 0;
  let inString = false;
  SPECIAL.lastIndex = 0;
  for (let match = SPECIAL.exec(text); match; match = SPECIAL.exec(text)) {
    const [character] = match;
    if (character === QUOTE) inString = !inString;
    else if (!inString) continue;
    else if (character === '\\') SPECIAL.lastIndex++;
    else {
      const escaped = character.charCodeAt(0).toString(16).padStart(4, '0');
      parts.push(text.slice(copied, match.index), `\\u${escaped}`);
      copied = match.index + 1;
    }
  }
  return parts.join('') + text.slice(copied);
}

/**
 * Whether a text of valid JSON has as many names as its value has members, so none occurs twice. It
 * must also have no escape that may hide a character. Nearly all texts pass this fast check.
 */
function isPlain(text: string, members: number): boolean {
  return !text.includes('\\u') && countNames(text) === members;
}

function countNames(text: string): number {
  let names = 0;
  for (let quote = text.indexOf(QUOTE); quote !== -1; ) {
    let next = endOfString(text, quote);
    quote = text.indexOf(QUOTE, next);
    while (text.charCodeAt(next) <= SPACE) next++;
    if (text.charCodeAt(next) === COLON) names++;
  }
  return names;
}

/** @throws Refusal 'malformed' for a value with too many levels */
function countMembers(value: unknown, mostLevels = Number.POSITIVE_INFINITY): number {
  let members = 0;
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) {
      throw new Refusal('malformed', `The body has more than ${mostLevels} levels`);
    }
    const next: unknown[] = [];
    for (const node of level) {
      if (typeof node !== 'object' || node === null) continue;
      const children = Object.values(node);
      if (!Array.isArray(node)) members += children.length;
      for (const child of children) if (typeof child === 'object') next.push(child);
    }
    level = next;
  }
  return members;
}

/** Checks the tokens of a text of valid JSON. */
function checkTokens(text: string, { repeatable, lenientStrings }: JsonRules): void {
  const members: (Set<string> | undefined)[] = [];
  let expectsName = false;
  PUNCTUATION.lastIndex = 0;
  for (let match = PUNCTUATION.exec(text); match; match = PUNCTUATION.exec(text)) {
    const token = match[0];
    if (token === '{' || token === '[') {
      members.push(token === '{' ? new Set() : undefined);
      expectsName = token === '{';
    } else if (token === '}' || token === ']') {
      members.pop();
      expectsName = false;
    } else if (token === ',') {
      expectsName = members.at(-1) !== undefined;
    } else if (token === ':') {
      expectsName = false;
    } else {
      const end = endOfString(text, match.index);
      PUNCTUATION.lastIndex = end;
      const raw = text.slice(match.index + 1, end - 1);
      const string = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
      if (!lenientStrings && (string.includes('\0') || !string.isWellFormed())) {
        throw new Refusal('malformed', 'The body has a character that no text can have');
      }
      const names = members.at(-1);
      if (!expectsName || !names) continue;
      if (names.has(string) && !repeatable?.has(string)) {
        throw new Refusal('malformed', 'The body has a member twice');
      }
      names.add(string);
    }
  }
}

/** A loop, because a regular expression overflows the stack on a string of megabytes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf(QUOTE, start + 1); ; quote = text.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}
