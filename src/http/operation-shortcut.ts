import type { IncomingMessage } from 'node:http';
import type { onRequestHookHandler } from 'fastify';
import { isNamedKey } from '../domain/access/named-key.ts';
import { bearerKey } from './bearer-key.ts';
import { keyInBody, mayHaveKeyInBody } from './key-in-body.ts';
import { type AddressLimit, counted } from './rate-limit.ts';
import type { Shortcut } from './shortcut.ts';

interface ShortcutOptions {
  limit: AddressLimit;
  addressOf: (request: IncomingMessage) => string | undefined;
  overLimit: { status: number; text: string };
  /** answers a request with nothing but an API key; left out: Fastify answers all of them */
  byKey?: ((key: string) => Promise<string | AsyncIterable<string>>) | undefined;
}

/** why requests were refused or failed before they were left to Fastify */
const failures = new WeakMap<IncomingMessage, Error>();
/** long answers that Fastify sends */
const begun = new WeakMap<IncomingMessage, AsyncIterable<string>>();

/**
 * Answers addresses that are known to be over the limit, and requests that present an API key, in
 * their header or in a short body, and nothing else. All other requests, all other refusals, and
 * what is left of a long answer are left to Fastify.
 */
export function operationShortcut(options: ShortcutOptions): Shortcut {
  const { limit, addressOf, overLimit, byKey } = options;
  return async (request, next, send) => {
    const address = addressOf(request) ?? '';
    if (address === '' || request.headers.host === undefined) {
      next(address);
      return;
    }
    const seconds = limit.knownWait(address);
    if (seconds !== undefined) {
      const headers = { 'retry-after': String(seconds) };
      send({ status: overLimit.status, body: overLimit.text, headers }, address);
      return;
    }
    const presented = byKey && presentedKey(request);
    if (!byKey || presented === undefined) {
      next(address);
      return;
    }
    let answer: string | AsyncIterable<string> | undefined;
    let isCounted = false;
    try {
      // Both are asked for at the same time, but only a request within the limit is answered.
      const counting = limit.count(address);
      const asking = typeof presented === 'string' ? byKey(presented) : byFound(presented, byKey);
      asking.catch(() => undefined);
      await counting;
      isCounted = true;
      answer = await asking;
    } catch (error) {
      failures.set(request, error as Error);
    }
    if (typeof answer === 'string') {
      send({ status: 200, body: answer }, address);
      return;
    }
    if (isCounted) counted.add(request);
    if (answer) begun.set(request, answer);
    next(address);
  };
}

/** Refuses what a shortcut found to be refused, without counting or asking again. */
export const refuseLeft: onRequestHookHandler = ({ raw }, _reply, done) => done(failures.get(raw));

/** The parts of a long answer that the shortcut has begun to read. */
export function begunAnswer(request: IncomingMessage): AsyncIterable<string> | undefined {
  return begun.get(request);
}

/** The key of a request with nothing else; undefined: Fastify reads it. */
function presentedKey(request: IncomingMessage): string | Promise<string | undefined> | undefined {
  const { headers } = request;
  if (headers['transfer-encoding'] !== undefined) return undefined;
  const key = bearerKey(headers.authorization);
  if (isNamedKey(key)) return undefined;
  if ((headers['content-length'] ?? '0') === '0') return key;
  return key === undefined && mayHaveKeyInBody(request) ? keyInBody(request) : undefined;
}

/** @returns undefined where Fastify answers */
async function byFound<Answer>(
  found: Promise<string | undefined>,
  byKey: (key: string) => Promise<Answer>,
): Promise<Answer | undefined> {
  const key = await found;
  return key === undefined || isNamedKey(key) ? undefined : byKey(key);
}
