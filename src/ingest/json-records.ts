import { Refusal } from '../domain/refusal.ts';
import { parseStrictJson } from '../http/strict-json.ts';
import { cutArray, type Member } from './json-array.ts';
import { lineOrigin, linesBefore, splitLines } from './lines.ts';
import { type Origin, wholeBody } from './record.ts';

/** What becomes of a body's records. */
export interface RecordReader<Result> extends Repeatable {
  read: (record: Record<string, unknown>, origin: Origin) => Result;
  damaged: (origin: Origin, detail: string) => Result;
}

interface Repeatable {
  /** names of members that may be there twice; the last one counts */
  repeatable?: ReadonlySet<string>;
}

/**
 * Reads one JSON object, an array of them, or a line for each (NDJSON). A damaged line or member
 * is set aside by itself, a body damaged otherwise as a whole; empty bodies hold no record.
 */
export function readJsonRecords<Result>(body: Buffer, reader: RecordReader<Result>): Result[] {
  const whole = parse(body, reader);
  if (whole.ok) return readValue(whole.value, body, reader);
  const lines = splitLines(body);
  if (lines.length === 0) return [];
  const asLines = lines.map((line) => parsePiece(line.bytes, lineOrigin(line), reader));
  const asMembers = isArray(body) ? parseMembers(body, reader) : [];
  const pieces = records(asMembers) > records(asLines) ? asMembers : asLines;
  // The lines of a damaged, indented object are no records, so one good record must be there.
  if (records(pieces) === 0) return [reader.damaged(wholeBody(body), whole.problem)];
  return pieces.flatMap(({ bytes, origin, parsed }) =>
    parsed.ok
      ? readValue(parsed.value, bytes, reader, origin)
      : [reader.damaged(origin, parsed.problem)],
  );
}

/** A part of a damaged body. */
interface Piece {
  bytes: Buffer;
  origin: Origin;
  parsed: Parsed;
}

function parsePiece(bytes: Buffer, origin: Origin, reader: Repeatable): Piece {
  return { bytes, origin, parsed: parse(bytes, reader) };
}

/** The members of a damaged array, and what is left over. */
function parseMembers(body: Buffer, reader: Repeatable): Piece[] {
  const { members, rest } = cutArray(body);
  return [...members, ...(rest ? [rest] : [])].map(({ bytes, start }) =>
    parsePiece(bytes, { raw: () => bytes, line: () => 1 + linesBefore(body, start) }, reader),
  );
}

/** How many pieces hold a record. */
function records(pieces: Piece[]): number {
  return pieces.filter(
    ({ parsed }) =>
      parsed.ok && (Array.isArray(parsed.value) ? parsed.value : [parsed.value]).some(isObject),
  ).length;
}

function readValue<Result>(
  value: unknown,
  bytes: Buffer,
  reader: RecordReader<Result>,
  origin = wholeBody(bytes),
): Result[] {
  if (!Array.isArray(value)) return [readObject(value, origin, reader)];
  // The bytes of the members are wanted only where one is set aside.
  let cut: Member[] | undefined;
  return value.map((member, index) => {
    const found = () => {
      cut ??= cutArray(bytes).members;
      return cut[index] as Member;
    };
    const memberOrigin: Origin = {
      raw: () => found().bytes,
      line: () => origin.line() + linesBefore(bytes, found().start),
    };
    return readObject(member, memberOrigin, reader);
  });
}

function readObject<Result>(value: unknown, origin: Origin, reader: RecordReader<Result>): Result {
  return isObject(value) ? reader.read(value, origin) : reader.damaged(origin, 'no JSON object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a body starts as a JSON array does. */
export function isArray(body: Buffer): boolean {
  return /^\s*\[/.test(body.subarray(0, 64).toString('latin1'));
}

type Parsed = { ok: true; value: unknown } | { ok: false; problem: string };

function parse(bytes: Buffer, { repeatable }: Repeatable): Parsed {
  try {
    return {
      ok: true,
      value: parseStrictJson(bytes, {
        ...(repeatable ? { repeatable } : {}),
        lenientStrings: true,
      }),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, problem: error.message };
  }
}
