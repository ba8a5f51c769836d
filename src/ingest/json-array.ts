const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** The bytes of one member of an array. */
export interface Member {
  bytes: Buffer;
  /** position of the first of them */
  start: number;
}

/**
 * Cuts a JSON array into its members without understanding them, so that a damaged one is set
 * aside by itself and a huge array needs no more memory than its largest member. The bytes come in
 * pieces.
 */
export class ArrayCutter {
  #pending: Buffer = Buffer.alloc(0);
  /** position of the first pending byte */
  #offset = 0;
  /** how many pending bytes were looked at */
  #scanned = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** behind the array's own last bracket, where nothing may follow */
  #ended = false;

  /** @returns the members that end in these bytes */
  push(bytes: Buffer): Member[] {
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    const members: Member[] = [];
    let start = 0;
    for (let at = this.#scanned; at < this.#pending.length && !this.#ended; at++) {
      const byte = this.#pending[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (OPEN.has(byte)) {
        // The first bracket is the array's own.
        if (this.#depth++ === 0) start = at + 1;
      } else if (CLOSE.has(byte) && this.#depth > 1) {
        this.#depth--;
      } else if (this.#depth === 1 && (byte === COMMA || CLOSE.has(byte))) {
        members.push(...this.#member(start, at));
        start = at + 1;
        this.#ended = byte !== COMMA;
      }
    }
    this.#pending = this.#pending.subarray(start);
    this.#offset += start;
    this.#scanned = this.#pending.length;
    return members;
  }

  /** How many bytes wait for the end of their member. */
  get pendingBytes(): number {
    return this.#pending.length;
  }

  /** What stands behind the last whole member: nothing, unless the array is damaged. */
  rest(): Member | undefined {
    return this.#member(0, this.#pending.length)[0];
  }

  #member(from: number, to: number): Member[] {
    let start = from;
    let end = to;
    while (start < end && BLANK.has(this.#pending[start] as number)) start++;
    while (end > start && BLANK.has(this.#pending[end - 1] as number)) end--;
    if (start === end) return [];
    return [{ bytes: this.#pending.subarray(start, end), start: this.#offset + start }];
  }
}

/** The members of a JSON array, and what is left over where it is damaged. */
export function cutArray(body: Buffer): { members: Member[]; rest: Member | undefined } {
  const cutter = new ArrayCutter();
  const members = cutter.push(body);
  return { members, rest: cutter.rest() };
}
