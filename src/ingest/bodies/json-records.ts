import { Refusal } from '../../domain/refusal.ts';
import { parseStrictJson } from '../../http/strict-json.ts';
import { type Origin, wholeBody } from '../record.ts';
import { membersOf } from './json-array.ts';
import { isBlank, isBlankByte, lineEnds, linesOf } from './lines.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;
// An object or array; the third is the first byte of a byte order mark.
const STARTS = new Set<number | undefined>([OPEN_OBJECT, OPEN_ARRAY, 0xef]);
const ENDS = new Set<number | undefined>([CLOSE_OBJECT, CLOSE_ARRAY]);
const MOST_MEMBERS = 10_000;
// Each member takes two bytes or more, so a shorter text cannot have too many.
const SHORT_BYTES = 2 * MOST_MEMBERS;
/** How deep a record may be nested; records of calls have at most eight levels. */
export const MOST_LEVELS = 64;

export interface RecordReader<Result> extends Repeatable {
  read: (record: Record<string, unknown>, origin: Origin) => Result;
  damaged: (origin: Origin, detail: string) => Result;
}

interface Repeatable {
  /** names of members that may appear twice; the last one counts */
  repeatable?: ReadonlySet<string>;
}

/** A line or a member of a damaged body. */
interface Part {
  bytes: Buffer;
  /** 1 for the body's first */
  line: number;
}

/**
 * Reads the records of a body: one JSON object, an array of objects, or one object a line (NDJSON).
 * A damaged line or member is rejected alone. A body with other damage is rejected as a whole. An
 * empty body has no records.
 * @returns yields undefined while it looks for the next record, so the caller can let others work
 */
export function* readJsonRecords<Result>(
  body: Buffer,
  reader: RecordReader<Result>,
): Generator<Result | undefined> {
  const parsed = parse(body, reader);
  if (parsed.ok) yield* readValue(parsed.value, wholeBody(body), reader);
  else if (!isBlank(body)) {
    const damage = { whole: wholeBody(body), problem: parsed.problem };
    const asLines = () => readParts(() => lineParts(body), damage, reader);
    yield* isArray(body) ? readParts(() => memberParts(body), damage, reader, asLines) : asLines();
  }
}

/**
 * Reads the parts of a damaged text. At least one part must be a good record, because the lines of
 * a damaged, indented object are no records. Without a good record the whole is rejected.
 * @param otherwise reads the whole in another way first
 */
function* readParts<Result>(
  parts: () => Iterable<Part>,
  { whole, problem }: { whole: Origin; problem: string },
  reader: RecordReader<Result>,
  otherwise?: () => Generator<Result | undefined>,
): Generator<Result | undefined> {
  let isGood = false;
  let passed = 0;
  for (const part of parts()) {
    const parsed = parse(part.bytes, reader);
    if (!isGood && parsed.ok && holdsRecord(parsed.value)) {
      isGood = true;
      for (const earlier of parts()) {
        if (passed-- === 0) break;
        yield* readPart(earlier, parse(earlier.bytes, reader), whole, reader);
      }
    }
    if (isGood) yield* readPart(part, parsed, whole, reader);
    else {
      passed++;
      yield undefined;
    }
  }
  if (isGood) return;
  if (otherwise) yield* otherwise();
  else yield reader.damaged(whole, problem);
}

function readPart<Result>(
  { bytes, line }: Part,
  parsed: Parsed,
  whole: Origin,
  reader: RecordReader<Result>,
): Iterable<Result | undefined> {
  const origin: Origin = { raw: () => bytes, line: () => whole.line() + line - 1 };
  if (parsed.ok) return readValue(parsed.value, origin, reader);
  // A member with a missing quote or bracket seems to include the lines of the next members.
  if (lineEnds(bytes) > 0) {
    return readParts(() => lineParts(bytes), { whole: origin, problem: parsed.problem }, reader);
  }
  return [reader.damaged(origin, parsed.problem)];
}

function* lineParts(body: Buffer): Generator<Part> {
  for (const { bytes, number } of linesOf(body)) {
    yield { bytes: withoutComma(bytes), line: number };
  }
}

/** A line of an array without its final comma. */
function withoutComma(line: Buffer): Buffer {
  let end = line.length;
  while (isBlank(line.subarray(end - 1, end)) && end > 0) end--;
  return end > 1 && line[end - 1] === COMMA ? line.subarray(0, end - 1) : line;
}

function* memberParts(body: Buffer): Generator<Part> {
  let line = 1;
  let counted = 0;
  for (const { bytes, start } of membersOf(body)) {
    line += lineEnds(body, counted, start);
    counted = start;
    yield { bytes, line };
  }
}

function holdsRecord(value: unknown): boolean {
  return Array.isArray(value) ? value.some(isObject) : isObject(value);
}

function readValue<Result>(
  value: unknown,
  origin: Origin,
  reader: RecordReader<Result>,
): Iterable<Result> {
  return Array.isArray(value)
    ? readMembers(value, origin, reader)
    : [readObject(value, origin, reader)];
}

function* readMembers<Result>(
  value: unknown[],
  origin: Origin,
  reader: RecordReader<Result>,
): Generator<Result> {
  // The members' bytes are needed only where one is rejected.
  let parts: Part[] | undefined;
  for (const [index, member] of value.entries()) {
    const part = () => {
      parts ??= [...memberParts(origin.raw())];
      return parts[index] as Part;
    };
    const memberOrigin: Origin = {
      raw: () => part().bytes,
      line: () => origin.line() + part().line - 1,
    };
    yield readObject(member, memberOrigin, reader);
  }
}

function readObject<Result>(value: unknown, origin: Origin, reader: RecordReader<Result>): Result {
  return isObject(value) ? reader.read(value, origin) : reader.damaged(origin, 'no JSON object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a body starts as a JSON array does. */
export function isArray(body: Buffer): boolean {
  return firstByte(body) === OPEN_ARRAY;
}

function firstByte(bytes: Buffer): number | undefined {
  return bytes.find((byte) => !isBlankByte(byte));
}

function lastByte(bytes: Buffer): number | undefined {
  return bytes.findLast((byte) => !isBlankByte(byte));
}

type Parsed = { ok: true; value: unknown } | { ok: false; problem: string };

function parse(bytes: Buffer, { repeatable }: Repeatable): Parsed {
  // Both ends are checked first: to parse a text that is no JSON takes a thousand times as long.
  if (!STARTS.has(firstByte(bytes))) return { ok: false, problem: 'no JSON object' };
  if (!ENDS.has(lastByte(bytes))) return { ok: false, problem: 'The body must be JSON in UTF-8' };
  if (exceedsLimits(bytes)) {
    const problem = `The record has more than ${MOST_MEMBERS} members or ${MOST_LEVELS} levels`;
    return { ok: false, problem };
  }
  try {
    return {
      ok: true,
      value: parseStrictJson(bytes, {
        ...(repeatable ? { repeatable } : {}),
        lenientStrings: true,
        mostLevels: MOST_LEVELS,
      }),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, problem: error.message };
  }
}

/** Checks long texts before they are parsed, because parsing takes the time and the memory. */
function exceedsLimits(bytes: Buffer): boolean {
  if (bytes.length <= SHORT_BYTES) return false;
  let members = 0;
  let levels = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA || byte === COLON) members++;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) levels++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) levels--;
    if (members > MOST_MEMBERS || levels > MOST_LEVELS) return true;
  }
  return false;
}
