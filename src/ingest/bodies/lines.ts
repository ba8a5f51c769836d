const NEWLINE = 0x0a;
const SPACE = 0x20;

export interface Line {
  bytes: Buffer;
  /** position of the first byte */
  start: number;
  /** 1 for the first line */
  number: number;
}

/** The lines of a body that are not blank, without their line ends. */
export function* linesOf(body: Buffer): Generator<Line> {
  for (let start = 0, number = 1; start < body.length; number++) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    const bytes = body.subarray(start, end);
    if (!isBlank(bytes)) yield { bytes, start, number };
    start = end + 1;
  }
}

/** Whether bytes are only blanks and line ends. */
export function isBlank(bytes: Buffer): boolean {
  // An index is several times as fast as an iterator.
  for (let at = 0; at < bytes.length; at++) if (!isBlankByte(bytes[at] as number)) return false;
  return true;
}

/** Blanks, line ends, other white space of ASCII, and the blank of Latin-1 that does not break. */
export function isBlankByte(byte: number): boolean {
  return byte === SPACE || (byte >= 0x09 && byte <= 0x0d) || byte === 0xa0;
}

/** How many lines end in a part of a body. */
export function lineEnds(body: Buffer, from = 0, to = body.length): number {
  let count = 0;
  for (let at = from; at < to; at++) if (body[at] === NEWLINE) count++;
  return count;
}
