import { Refusal } from '../../domain/refusal.ts';
import { parseStrictJson } from '../../http/strict-json.ts';
import { MOST_LEVELS } from '../bodies/json-records.ts';

const PERCENT = 0x25;
const VARIABLES_START = '"variables":{"';
const VARIABLES_ENDS = ['"},"app_log":', '"},"callflow":'];

export interface DecodedCdr {
  json: Buffer;
  /** whether a caller can have written members of his own into it, see mendQuotes */
  canBeForged: boolean;
}

/**
 * The JSON of a record in any of mod_json_cdr's encodings: plain, the form field `cdr` holding
 * URL-encoded JSON, or the same field holding base64, whose `+` is not escaped. The body decides,
 * since plain JSON also comes labelled as a form (`disable-100-continue`), and since the files of
 * `err-log-dir` hold the encoded text without the field's name.
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
  // A '+' that something took for an encoded blank is put back.
  const unpacked = Buffer.from(content.replaceAll(' ', '+'), 'base64');
  const isBase64 =
    /^[A-Za-z0-9+/=\s]+$/.test(content) && /^\s*[{[]/.test(unpacked.toString('latin1', 0, 16));
  return { json: isBase64 ? unpacked : body, canBeForged: false };
}

/**
 * FreeSWITCH escapes '+' and writes blanks as %20, so a '+' is never a blank here. Nearly every
 * third byte is escaped; a regular expression takes ten times as long.
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

/** @returns -1 for what is none */
function hexDigit(character = 0): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/**
 * `encode-values`, which is on by default, escapes the quotes and backslashes of the variables'
 * values; the form then leaves what looks escaped as it is (switch_url_encode), so that unescaping
 * it yields bare quotes within values. Where they break the JSON, the variables are told apart by
 * what FreeSWITCH writes between them.
 *
 * The same lets a caller's name that holds a quote add members to the record. One that is there
 * already would be there twice, which is refused; who pays is looked at twice by the reader.
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
  // The quotes at both ends are those of the first name and the last value.
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
