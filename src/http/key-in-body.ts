import type { IncomingMessage } from 'node:http';
import { parseStrictJson } from './strict-json.ts';

// `{"apikey":"…"}` has 45 bytes.
const LONGEST_BYTES = 128;
const TYPE = /^application\/json(; ?charset=utf-8)?$/i;

/** Whether a request may have a body `{"apikey":"…"}`, by its header. */
export function mayHaveKeyInBody({ headers }: IncomingMessage): boolean {
  const { 'content-type': type, 'content-length': length } = headers;
  const bytes = Number(length);
  return bytes > 0 && bytes <= LONGEST_BYTES && TYPE.test(type ?? 'application/json');
}

/**
 * The key of a body `{"apikey":"…"}` of known length. The body can be read again.
 * @returns undefined for another body, or if the client has left
 */
export function keyInBody(request: IncomingMessage): Promise<string | undefined> {
  const length = Number(request.headers['content-length']);
  return new Promise((resolve) => {
    const leave = () => resolve(undefined);
    const read = () => {
      if (request.readableLength < length) return;
      request.off('readable', read).off('close', leave);
      const body: Buffer = request.read();
      // At once, because a request that was read to its end emits `end`.
      request.unshift(body);
      resolve(keyAlone(body));
    };
    request.on('readable', read).on('close', leave);
  });
}

/** The member `apikey` of an object without other members, if it is a text. */
function keyAlone(body: Buffer): string | undefined {
  try {
    const { apikey, ...others } = parseStrictJson(body) as Record<string, unknown>;
    const isAlone = typeof apikey === 'string' && Object.keys(others).length === 0;
    return isAlone ? apikey || undefined : undefined;
  } catch {
    return undefined;
  }
}
