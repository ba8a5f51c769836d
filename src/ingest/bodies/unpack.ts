import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { Refusal } from '../../domain/refusal.ts';
import type { Chunks } from './pieces.ts';

const gunzipAsync = promisify(gunzip);
const SMALL_BYTES = 64 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** A received body. */
export interface Body {
  /** the received bytes */
  raw: Buffer;
  /** the content, unpacked from gzip; undefined where the gzip is damaged */
  chunks: Chunks | undefined;
  /** true: so large that only a few such bodies are processed at once */
  isLarge: boolean;
}

/**
 * Checks a body without regard to its headers. The unpacked content is measured and checked for
 * damage, but not kept in memory.
 * @param limitBytes the limit for the unpacked content
 * @throws Refusal 'too large'
 */
export async function unpack(raw: Buffer, limitBytes = Number.POSITIVE_INFINITY): Promise<Body> {
  if (!isGzip(raw)) return { raw, chunks: [raw], isLarge: raw.length > SMALL_BYTES };
  try {
    const small = await gunzipAsync(raw, { maxOutputLength: Math.min(SMALL_BYTES, limitBytes) });
    return { raw, chunks: [small], isLarge: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') {
      return { raw, chunks: undefined, isLarge: false };
    }
  }
  return (await isWhole(raw, limitBytes))
    ? { raw, chunks: { [Symbol.asyncIterator]: () => unpacked([raw]) }, isLarge: true }
    : { raw, chunks: undefined, isLarge: false };
}

/** Whether the gzip is undamaged to its end. */
async function isWhole(raw: Buffer, limitBytes: number): Promise<boolean> {
  let length = 0;
  try {
    for await (const chunk of unpacked([raw])) {
      length += chunk.length;
      if (length > limitBytes) break;
    }
  } catch {
    return false;
  }
  if (length <= limitBytes) return true;
  throw new Refusal('too large', `The unpacked body has more than ${limitBytes} bytes`);
}

/** The bytes of a stream, unpacked from gzip. @throws Error where the gzip is damaged */
export async function* unpacked(source: Chunks): AsyncGenerator<Buffer> {
  const chunks = iterate(source);
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const whole = (async function* () {
    yield head;
    yield* chunks;
  })();
  if (!isGzip(head)) {
    yield* whole;
    return;
  }
  const bytes = createGunzip({ chunkSize: CHUNK_BYTES });
  // A failure also ends the iteration below.
  pipeline(Readable.from(whole), bytes, () => undefined);
  yield* bytes as AsyncIterable<Buffer>;
}

async function* iterate(source: Chunks): AsyncGenerator<Buffer, undefined> {
  yield* source;
  return undefined;
}

/** Whether bytes start as gzip does (RFC 1952, section 2.3.1). */
function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
