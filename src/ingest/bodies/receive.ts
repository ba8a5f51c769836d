import type { IncomingMessage } from 'node:http';
import { Refusal } from '../../domain/refusal.ts';
import { Room } from './room.ts';
import { type Body, unpack } from './unpack.ts';

// Single records never wait for large bodies.
const SMALL_BYTES = 64 * 1024;
const RAW_BYTES = 32 * 1024 * 1024;
// Short enough: the whole body must still arrive before the server's request timeout.
const RAW_WAIT_MS = 4_000;
const LARGE_AT_ONCE = 4;
const LARGE_WAIT_MS = 20_000;

export interface BodyLimits {
  /** limit of the received bytes */
  rawBytes: number;
  /** limit of the unpacked content */
  unpackedBytes: number;
}

/**
 * Receives the bodies of requests. Together they need a bounded memory.
 * @param limits no body may exceed them
 */
export class Receiver {
  readonly #limits: BodyLimits;
  readonly #raw: Room;
  readonly #large = new Room(LARGE_AT_ONCE, LARGE_WAIT_MS);

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#raw = new Room(Math.max(RAW_BYTES, limits.rawBytes), RAW_WAIT_MS);
  }

  /**
   * Reads the body of a request and gives it to `use`.
   * @throws Refusal 'too large', 'malformed' where the sender aborts, 'busy'
   */
  async receive<Result>(
    request: IncomingMessage,
    use: (body: Body) => Promise<Result>,
  ): Promise<Result> {
    const { rawBytes, unpackedBytes } = this.#limits;
    let taken = 0;
    const take = async (bytes: number) => {
      await this.#raw.take(bytes);
      taken = bytes;
    };
    try {
      const body = await unpack(await readRaw(request, rawBytes, take), unpackedBytes);
      return await (body.isLarge ? this.#useLarge(body, use) : use(body));
    } finally {
      if (taken > 0) this.#raw.give(taken);
    }
  }

  async #useLarge<Result>(body: Body, use: (body: Body) => Promise<Result>): Promise<Result> {
    await this.#large.take(1);
    try {
      return await use(body);
    } finally {
      this.#large.give(1);
    }
  }
}

/**
 * Reads a body into one buffer.
 * @param take reserves memory for a body that is not small, before it is read
 * @throws Refusal 'too large', 'malformed' where the sender aborts
 */
export async function readRaw(
  request: IncomingMessage,
  limitBytes: number,
  take: (bytes: number) => Promise<void> = async () => undefined,
): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? Number.NaN);
  if (declared > limitBytes) throw new Refusal('too large', 'Body too large');
  if (declared > 0 && declared <= SMALL_BYTES) return readSmall(request, declared);
  if (declared > SMALL_BYTES) await take(declared);
  let bytes: Buffer = Buffer.alloc(0);
  let length = 0;
  try {
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
