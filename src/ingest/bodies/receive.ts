import type { IncomingMessage } from 'node:http';
import { Refusal } from '../../domain/refusal.ts';
import { Room } from '../../http/room.ts';
import { type Body, unpack } from './unpack.ts';

// Single records never wait for large bodies.
const SMALL_BYTES = 64 * 1024;
const RAW_BYTES = 32 * 1024 * 1024;
// Short enough: the whole body must still arrive before the server's request timeout.
const RAW_WAIT_MS = 4_000;
// A body that brings less in this time gives way to others.
const SLOW_BYTES = 16 * 1024;
const PACE_MS = 1_000;
const LARGE_AT_ONCE = 4;
const LARGE_WAIT_MS = 20_000;

export interface BodyLimits {
  /** limit of the received bytes */
  rawBytes: number;
  /** limit of the unpacked content */
  unpackedBytes: number;
}

/** Memory for a body that is not small. */
interface Memory {
  take: (bytes: number) => Promise<void>;
  /** whether a body waits for the memory that this sender has */
  isWanted: () => boolean;
}

/**
 * Receives the bodies of requests. Together they need a bounded memory, of which each sender has
 * half at most.
 * @param limits no body may exceed them
 */
export class Receiver {
  readonly #limits: BodyLimits;
  readonly #raw: Room;
  readonly #large = new Room(LARGE_AT_ONCE, LARGE_WAIT_MS);

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#raw = new Room(Math.max(RAW_BYTES, 2 * limits.rawBytes), RAW_WAIT_MS);
  }

  /**
   * Reads the body of a request and gives it to `use`.
   * @param sender the name of the feed
   * @throws Refusal 'too large', 'malformed' where the sender aborts, 'busy'
   */
  async receive<Result>(
    request: IncomingMessage,
    sender: string,
    use: (body: Body) => Promise<Result>,
  ): Promise<Result> {
    const { rawBytes, unpackedBytes } = this.#limits;
    let taken = 0;
    const give = (bytes: number) => {
      this.#raw.give(sender, bytes);
      taken -= bytes;
    };
    const memory: Memory = {
      take: async (bytes) => {
        await this.#raw.take(sender, bytes);
        taken = bytes;
      },
      isWanted: () => this.#raw.isWanted(sender),
    };
    try {
      const raw = await readRaw(request, rawBytes, memory);
      // A body in chunks may have been shorter than what was taken for it.
      if (taken > raw.buffer.byteLength) give(taken - raw.buffer.byteLength);
      const body = await unpack(raw, unpackedBytes);
      return await (body.isLarge ? this.#useLarge(body, sender, use) : use(body));
    } finally {
      if (taken > 0) give(taken);
    }
  }

  async #useLarge<Result>(
    body: Body,
    sender: string,
    use: (body: Body) => Promise<Result>,
  ): Promise<Result> {
    await this.#large.take(sender, 1);
    try {
      return await use(body);
    } finally {
      this.#large.give(sender, 1);
    }
  }
}

/**
 * Reads a body into one buffer. The connection of a sender that is slow while others wait for
 * memory is closed; it sends the same again.
 * @param memory is taken for a body that is not small, before it is read
 * @throws Refusal 'too large', 'malformed' where the sender aborts
 */
export async function readRaw(
  request: IncomingMessage,
  limitBytes: number,
  memory?: Memory,
): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? Number.NaN);
  if (declared > limitBytes) throw new Refusal('too large', 'Body too large');
  if (declared > 0 && declared <= SMALL_BYTES) return readSmall(request, declared);
  let bytes: Buffer = Buffer.alloc(0);
  let length = 0;
  let pace: NodeJS.Timeout | undefined;
  const take = async (size: number) => {
    await memory?.take(size);
    let before = length;
    pace = setInterval(() => {
      if (memory?.isWanted() && length - before < SLOW_BYTES) request.destroy();
      before = length;
    }, PACE_MS);
  };
  try {
    if (declared > SMALL_BYTES) await take(declared);
    // An early end keeps the request open, because the sender still gets an answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (length + chunk.length > limitBytes) throw new Refusal('too large', 'Body too large');
      if (!(declared > 0) && length <= SMALL_BYTES && length + chunk.length > SMALL_BYTES) {
        await take(limitBytes);
      }
      // Copied, because a chunk may keep a larger buffer in memory.
      if (length + chunk.length > bytes.length) {
        const size =
          declared || Math.min(limitBytes, Math.max(2 * bytes.length, length + chunk.length));
        const larger = Buffer.allocUnsafe(size);
        bytes.copy(larger, 0, 0, length);
        bytes = larger;
      }
      chunk.copy(bytes, length);
      length += chunk.length;
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('malformed', 'The body was not sent to its end');
  } finally {
    clearInterval(pace);
  }
  return bytes.subarray(0, length);
}

/** An iterator takes longer than all other parts of a small body. Node.js checks the length. */
function readSmall(request: IncomingMessage, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    let isWhole = false;
    const fail = () => {
      if (!isWhole) reject(new Refusal('malformed', 'The body was not sent to its end'));
    };
    if (request.destroyed) fail();
    request
      .on('data', (chunk: Buffer) => {
        at += chunk.copy(bytes, at);
      })
      .on('end', () => {
        isWhole = true;
        resolve(bytes);
      })
      .on('error', fail)
      .on('close', fail);
  });
}
