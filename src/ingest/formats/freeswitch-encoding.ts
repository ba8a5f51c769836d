import { Refusal } from '../../domain/refusal.ts';
import { parseStrictJson } from '../../http/strict-json.ts';
import { MOST_LEVELS } from '../bodies/json-records.ts';

const PERCENT = 0x25;
const VARIABLES_START = '"variables":{"';
const VARIABLES_ENDS = ['"},"app_log":', '"},"callflow":'];

export interface DecodedCdr {
  json: Buffer;
  /** a caller may have added members to the record, see mendQuotes */
  canBeForged: boolean;
}

/**
 * The JSON of a record in any of mod_json_cdr's encodings: plain, or a form field `cdr` with
 * URL-encoded JSON or with base64, whose `+` is not escaped. Only the body shows the encoding:
 * plain JSON can be labelled as a form (`disable-100-continue`), and files in `err-log-dir` have
 * the encoded text without the field's name.
 */
export function decodeCdr(body: Buffer): DecodedCdr {
  const text = body.toString('latin1').trim();
  const isField = text.startsWith('cdr=');
  const content = isField ? text.slice('cdr='.length) : text;
  if (content.startsWith('{') || content.startsWith('[')) {
    return { json: isField ? Buffer.from(content, 'latin1') : body, canBeForged: false };
  }
  if (/^%[57]B/i.test(content)) {
    const json = mendQuotes(unescapeBytes(content));
    return { json, canBeForged: true };
  }
  // A form decoder may have turned '+' into a blank; this restores it.
  const unpacked = Buffer.from(content.replaceAll(' ', '+'), 'base64');
  const isBase64 =
    /^[A-Za-z0-9+/=\s]+$/.test(content) && /^\s*[{[]/.test(unpacked.toString('latin1', 0, 16));
  return { json: isBase64 ? unpacked : body, canBeForged: false };
}

/**
 * FreeSWITCH escapes '+' and writes blanks as %20, so '+' is never a blank here. Nearly every third
 * byte is escaped; a regular expression takes ten times as long.
 */
function unescapeBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] as number;
    if (byte === PERCENT) {
      const [high, low] = [hexDigit(bytes[at + 1]), hexDigit(bytes[at + 2])];
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        at += 2;
      }
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

/** @returns -1 for any other character */
function hexDigit(character = 0): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/**
 * Repairs quotes within values. `encode-values`, on by default, escapes the quotes and backslashes
 * of the variables' values. The form does not escape escaped bytes again (switch_url_encode), so
 * unescaping leaves bare quotes within values. Where they break the JSON, the variables are split
 * at the text that FreeSWITCH writes between them.
 *
 * By the same fault a quote in a caller's name can add members to the record. A member that appears
 * twice is refused, and the reader checks the account twice.
 */
function mendQuotes(json: Buffer): Buffer {
  if (isJson(json)) return json;
  const text = json.toString('latin1');
  const start = text.indexOf(VARIABLES_START);
  const end = Math.max(...VARIABLES_ENDS.map((mark) => text.lastIndexOf(mark)));
  if (start === -1 || end < start) return json;
  const first = start + VARIABLES_START.length;
  const pairs = text.slice(first, end).split(/","(?=[\w.:-]+":")/);
  const members = pairs.map((pair) => {
    const [name = '', ...value] = pair.split('":"');
    return `${JSON.stringify(name)}:${JSON.stringify(value.join('":"'))}`;
  });
  // The outer quotes belong to the first name and the last value.
  const mended = text.slice(0, first - 1) + members.join(',') + text.slice(end + 1);
  return Buffer.from(mended, 'latin1');
}

function isJson(json: Buffer): boolean {
  try {
    parseStrictJson(json, { lenientStrings: true, mostLevels: MOST_LEVELS });
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
