import type { Origin } from './record.ts';

const NEWLINE = 0x0a;

export interface Line {
  bytes: Buffer;
  /** 1 for the first */
  number: number;
}

/** The lines of a body that are not blank, without their line ends. */
export function splitLines(body: Buffer): Line[] {
  const lines: Line[] = [];
  for (let start = 0, number = 1; start < body.length; number++) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    const bytes = body.subarray(start, end);
    if (bytes.toString('latin1').trim() !== '') lines.push({ bytes, number });
    start = end + 1;
  }
  return lines;
}

export function lineOrigin({ bytes, number }: Line): Origin {
  return { raw: () => bytes, line: () => number };
}

/** How many lines end before a position. */
export function linesBefore(body: Buffer, position: number): number {
  let count = 0;
  for (let at = body.indexOf(NEWLINE); at !== -1 && at < position; count++) {
    at = body.indexOf(NEWLINE, at + 1);
  }
  return count;
}
