import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { StoreUnavailable } from '../db/errors.ts';
import { rateLimited } from '../domain/refusal.ts';
import { limitKey } from './client-address.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** the long answers that are being sent */
    longAnswers: Set<LongAnswer>;
  }
}

interface LongAnswer {
  /** an account, or the id of an operator key */
  account: number | string;
  address: string;
  stream: Readable | undefined;
  /** when its reader last took something */
  takenAt: number;
}

// Each holds two pages of rows, some hundred kilobytes.
const MOST = 64;
const MOST_OF_ADDRESS = 16;
const MOST_OF_ACCOUNT = 8;
// Even a slow reader that still reads pauses for less than this. It empties the socket's buffer at
// once, and then takes nothing for some time.
const STALLED_MS = 60_000;
const RETRY_SECONDS = 10;

/** Lets routes send long answers. */
export function allowLongAnswers(app: FastifyInstance): void {
  app.decorate('longAnswers', new Set<LongAnswer>());
}

/**
 * An answer whose parts are read as its client takes them. The number of such answers at once is
 * limited for a process, an account and an address. A client that takes nothing loses its place
 * when another one needs it.
 * @throws Refusal 'rate limited' over the limit of an account or address, StoreUnavailable over
 *   that of the process, or an error of the first part
 */
export async function longAnswer(
  { server: { longAnswers }, clientAddress }: FastifyRequest,
  account: number | string,
  parts: AsyncIterable<string>,
  mostOfAccount = MOST_OF_ACCOUNT,
): Promise<Readable> {
  const address = limitKey(clientAddress);
  const all = [...longAnswers];
  const ofAccount = all.filter((answer) => answer.account === account);
  if (!hasRoom(ofAccount, mostOfAccount)) throw rateLimited(RETRY_SECONDS);
  const ofAddress = all.filter((answer) => answer.address === address);
  if (!hasRoom(ofAddress, MOST_OF_ADDRESS)) throw rateLimited(RETRY_SECONDS);
  if (!hasRoom(all, MOST)) throw new StoreUnavailable(new Error('too many long answers'));
  const answer: LongAnswer = { account, address, stream: undefined, takenAt: performance.now() };
  longAnswers.add(answer);
  try {
    const iterator = parts[Symbol.asyncIterator]();
    const first = await iterator.next();
    const stream = Readable.from(taken(answer, first, iterator), { objectMode: false });
    answer.stream = stream;
    stream.once('close', () => longAnswers.delete(answer));
    return stream;
  } catch (error) {
    longAnswers.delete(answer);
    throw error;
  }
}

/** Whether one more may begin. If there are too many, the answer stalled longest is ended. */
function hasRoom(answers: LongAnswer[], most: number): boolean {
  if (answers.length < most) return true;
  const longest = answers.reduce((one, other) => (other.takenAt < one.takenAt ? other : one));
  if (performance.now() - longest.takenAt < STALLED_MS) return false;
  longest.stream?.destroy(new Error('the reader takes nothing, and others wait'));
  return true;
}

async function* taken(
  answer: LongAnswer,
  first: IteratorResult<string>,
  others: AsyncIterator<string>,
): AsyncGenerator<string> {
  try {
    for (let part = first; !part.done; part = await others.next()) {
      yield part.value;
      answer.takenAt = performance.now();
    }
  } finally {
    await others.return?.();
  }
}
