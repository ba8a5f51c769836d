import { Refusal } from '../domain/refusal.ts';

const QUOTE = '"';
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const COLON = 0x3a;
const PUNCTUATION = /["{}[\],:]/g;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON more strictly than JSON.parse: what two readers could understand differently is
 * refused.
 * @param repeatable names of members that may be there twice; the last one counts
 * @throws Refusal 'malformed' for what is no JSON in UTF-8, for a member that is there twice, and
 *   for strings with NUL or half a surrogate pair
 */
export function parseStrictJson(bytes: Uint8Array, repeatable?: ReadonlySet<string>): unknown {
  let value: unknown;
  let text: string;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new Refusal('malformed', 'The body must be JSON in UTF-8');
  }
  if (!isPlain(text, value)) checkTokens(text, repeatable);
  return value;
}

/**
 * Whether a text that is valid JSON has as many names as its value has members, so none of them
 * twice, and no escape that may hide a character. Nearly all are so, and this is told fast.
 */
function isPlain(text: string, value: unknown): boolean {
  return !text.includes('\\u') && countNames(text) === countMembers(value);
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

function countMembers(value: unknown): number {
  let members = 0;
  const open = [value];
  while (open.length > 0) {
    const node = open.pop();
    if (typeof node !== 'object' || node === null) continue;
    const children = Object.values(node);
    if (!Array.isArray(node)) members += children.length;
    for (const child of children) if (typeof child === 'object') open.push(child);
  }
  return members;
}

/** Walks the tokens of a text that is valid JSON. */
function checkTokens(text: string, repeatable: ReadonlySet<string> | undefined): void {
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
      if (string.includes('\0') || !string.isWellFormed()) {
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

/** By hand: a regular expression for the whole string overflows the stack on one of megabytes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf(QUOTE, start + 1); ; quote = text.indexOf(QUOTE, quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}
