import { Refusal } from '../domain/refusal.ts';
import { parseStrictJson } from '../http/strict-json.ts';

/** What becomes of a body's records, each with a way to get at its bytes. */
export interface RecordReader<Result> {
  read: (record: Record<string, unknown>, raw: () => Buffer) => Result;
  damaged: (raw: Buffer, detail: string) => Result;
}

/**
 * Reads one JSON object, an array of them, or a line for each (NDJSON). Damaged lines are set
 * aside by themselves, a body damaged otherwise as a whole; empty bodies hold no record.
 */
export function readJsonRecords<Result>(body: Buffer, reader: RecordReader<Result>): Result[] {
  const whole = parse(body);
  if (whole.ok) return readValue(whole.value, body, reader);
  const lines = splitLines(body).map((raw) => ({ raw, parsed: parse(raw) }));
  if (lines.length === 0) return [];
  // Lines of a damaged, indented object are no records, so one good line must be there.
  if (!lines.some(({ parsed }) => parsed.ok && isObject(parsed.value))) {
    return [reader.damaged(body, whole.problem)];
  }
  return lines.flatMap(({ raw, parsed }) =>
    parsed.ok ? readValue(parsed.value, raw, reader) : [reader.damaged(raw, parsed.problem)],
  );
}

function readValue<Result>(value: unknown, raw: Buffer, reader: RecordReader<Result>): Result[] {
  if (!Array.isArray(value)) return [readObject(value, () => raw, reader)];
  return value.map((member) =>
    readObject(member, () => Buffer.from(JSON.stringify(member)), reader),
  );
}

function readObject<Result>(value: unknown, raw: () => Buffer, reader: RecordReader<Result>) {
  return isObject(value) ? reader.read(value, raw) : reader.damaged(raw(), 'not a JSON object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Parsed = { ok: true; value: unknown } | { ok: false; problem: string };

function parse(bytes: Buffer): Parsed {
  try {
    return { ok: true, value: parseStrictJson(bytes) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, problem: error.message };
  }
}

function splitLines(body: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(0x0a, start);
    const end = newline === -1 ? body.length : newline;
    const line = body.subarray(start, end);
    if (line.toString('latin1').trim() !== '') lines.push(line);
    start = end + 1;
  }
  return lines;
}
