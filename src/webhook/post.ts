import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { LookupFunction } from 'node:net';
import { InvalidValue } from '../domain/problem.ts';
import type { Outcome } from '../domain/webhook/delivery.ts';
import {
  type Address,
  allowedAddresses,
  RefusedAddress,
  type Resolve,
  requireUrl,
} from './allowed-address.ts';

const DEADLINE_MS = 15_000;
const MOST_BYTES = 64 * 1024;
const KEPT_BYTES = 1_024;
const MOST_RETRY_AFTER_SECONDS = 86_400;
const ASKS_TO_WAIT = [429, 502, 503, 504];

export interface PostTools {
  /** host names, addresses and CIDRs that may be reached although they are private */
  allow: string[];
  resolve: Resolve;
  /** ends the request early; then `post` rejects */
  signal?: AbortSignal | undefined;
}

/**
 * Sends a POST to a checked address, once and without following redirects. It ends after 15
 * seconds; of the reply, 64 kB are read.
 */
export async function post(
  address: string,
  { headers, body }: { headers: Record<string, string>; body: string },
  { allow, resolve, signal }: PostTools,
): Promise<Outcome> {
  const began = performance.now();
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const ending = signal ? AbortSignal.any([signal, deadline]) : deadline;
  const took = () => Math.round(performance.now() - began);
  try {
    const url = requireUrl(address, allow);
    const checked = await before(ending, allowedAddresses(url, allow, resolve));
    const answer = await send(url, checked.addresses, { headers, body }, ending);
    const reply = await readReply(answer, ending);
    const status = answer.statusCode ?? 0;
    const isDelivered = status >= 200 && status < 300;
    return {
      status,
      error: isDelivered ? null : `status ${status}`,
      tookMs: took(),
      reply: checked.isPublic || isDelivered ? reply : null,
      retryAfterSeconds: ASKS_TO_WAIT.includes(status) ? retryAfter(answer) : undefined,
    };
  } catch (error) {
    signal?.throwIfAborted();
    return { status: null, error: kindOf(error, deadline), tookMs: took(), reply: null };
  }
}

/** Waits for a result, or rejects when the signal ends. */
function before<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    result.then(resolve, reject);
  });
}

function send(
  url: URL,
  addresses: Address[],
  { headers, body }: { headers: Record<string, string>; body: string },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // The name is not resolved again: a second answer could be another address.
  const lookup = ((_name, options, done) =>
    options.all
      ? done(null, addresses)
      : done(null, addresses[0]?.address ?? '', addresses[0]?.family)) as LookupFunction;
  const request = url.protocol === 'https:' ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const sending = request(
      url,
      {
        ...{ method: 'POST', agent: false, lookup, signal, rejectUnauthorized: true },
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      },
      resolve,
    );
    sending.on('error', reject);
    sending.end(body);
  });
}

/** @returns the beginning of the reply */
async function readReply(answer: IncomingMessage, signal: AbortSignal): Promise<string> {
  const kept: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (bytes < KEPT_BYTES) kept.push(chunk.subarray(0, KEPT_BYTES - bytes));
      bytes += chunk.length;
      if (bytes > MOST_BYTES) break;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    answer.destroy();
  }
  // PostgreSQL does not store NUL in texts.
  return Buffer.concat(kept).toString().replaceAll('\0', '');
}

/** Seconds of the header Retry-After (RFC 9110 section 10.2.3), at most a day. */
function retryAfter({ headers }: IncomingMessage): number | undefined {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1_000;
  return seconds > 0 ? Math.min(seconds, MOST_RETRY_AFTER_SECONDS) : undefined;
}

/** A class of errors; the text of an error could say what is in an inner network. */
function kindOf(error: unknown, deadline: AbortSignal): string {
  if (deadline.aborted) return 'timed out';
  if (error instanceof RefusedAddress || error instanceof InvalidValue) return 'refused address';
  const { code = '' } = error as { code?: string };
  if (['ENOTFOUND', 'EAI_AGAIN', 'ENODATA'].includes(code)) return 'no such host';
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (/TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO|EPROTO/.test(code)) return 'tls';
  return 'connection lost';
}
