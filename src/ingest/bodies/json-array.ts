const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const SPACE = 0x20;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** The bytes of one member of an array. */
export interface Member {
  bytes: Buffer;
  /** position of the first byte */
  start: number;
}

/**
 * Finds the ends of the members of JSON arrays without parsing them, in one pass over bytes in
 * chunks. Several arrays may follow each other.
 */
export class MemberScanner {
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Continues as at the start of a member; open quotes and brackets are forgotten. */
  resume(): void {
    this.#depth = 1;
    this.#inString = false;
    this.#escaped = false;
  }

  /**
   * @param from position of the first byte that was not scanned yet
   * @returns position of the next byte between members; -1 where there is none
   */
  next(bytes: Buffer, from: number): number {
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let found = -1;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
        continue;
      }
      if (byte <= SPACE) continue;
      if (depth === 0) {
        depth = 1;
        if (byte === OPEN_ARRAY) {
          found = at;
          break;
        }
      }
      if (byte === QUOTE) inString = true;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
      else if (depth > 1) {
        if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
      } else if (byte === COMMA || byte === CLOSE_ARRAY) {
        if (byte === CLOSE_ARRAY) depth = 0;
        found = at;
        break;
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return found;
  }
}

/** The members of a JSON array. In a damaged array the rest is the last member. */
export function* membersOf(bytes: Buffer): Generator<Member> {
  const scanner = new MemberScanner();
  for (let start = 0; start < bytes.length; ) {
    const found = scanner.next(bytes, start);
    const end = found === -1 ? bytes.length : found;
    const member = trimmed(bytes, start, end);
    if (member) yield member;
    start = end + 1;
  }
}

function trimmed(bytes: Buffer, from: number, to: number): Member | undefined {
  let start = from;
  let end = to;
  while (start < end && isBlank(bytes[start])) start++;
  while (end > start && isBlank(bytes[end - 1])) end--;
  return start === end ? undefined : { bytes: bytes.subarray(start, end), start };
}

function isBlank(byte = 0): boolean {
  return byte === SPACE || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
