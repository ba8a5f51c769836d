import { Refusal } from '../domain/refusal.ts';

const STRUCTURE = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON more strictly than JSON.parse: what two readers could understand differently is
 * refused.
 * @throws Refusal 'malformed' for what is no JSON in UTF-8, for a member that is there twice, and
 *   for strings with NUL or half a surrogate pair
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let value: unknown;
  let text: string;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new Refusal('malformed', 'The body must be JSON in UTF-8');
  }
  checkTokens(text);
  return value;
}

/** Walks the tokens of a text that is valid JSON. */
function checkTokens(text: string): void {
  const members: (Set<string> | undefined)[] = [];
  let expectsName = false;
  for (const [token] of text.matchAll(STRUCTURE)) {
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
      const string = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
      if (string.includes('\0') || !string.isWellFormed()) {
        throw new Refusal('malformed', 'The body has a character that no text can have');
      }
      const names = members.at(-1);
      if (!expectsName || !names) continue;
      if (names.has(string)) {
        throw new Refusal('malformed', 'The body has a member twice');
      }
      names.add(string);
    }
  }
}
