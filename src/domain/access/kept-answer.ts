import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Queryable } from '../../db/database.ts';
import { isLockTimeout } from '../../db/errors.ts';
import { inOneTransaction } from '../../db/one-transaction.ts';
import { idempotencyKeyInUse, idempotencyKeyReused } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';

const KEPT_HOURS = 72;
// As long as PostgreSQL waits for a lock.
const WAIT_MS = 2_000;

/** The answer to a request that was done. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** A request that may be sent again, told by the key that its client made up for it. */
export interface KeyedRequest {
  key: string;
  /** who sent it, and to what operation; a key means nothing elsewhere */
  scope: string;
  /** what was asked, such as the body as JSON */
  content: string;
}

export const SEALED_ANSWERS: SealedColumn = {
  table: 'kept_answer',
  id: 'id',
  column: 'sealed',
  version: '1',
  context: sealContext,
  name: (id) => `kept answer ${id}`,
};

/** By the digest of its key, what this process is doing. */
const running = new Map<string, { request: Buffer; done: Promise<Done> }>();

interface Done {
  answer: Answer;
  /** whether it is the answer of a request before */
  replayed: boolean;
}

/**
 * Answers a request once: sent again within 72 hours it gets the same answer, and nothing is done.
 * The answer is kept, sealed, by the transaction of the change: both are there or neither is.
 * @param work does it with a database whose transactions are one (`inOneTransaction`), and throws
 *   where the answer would be a failure, of which nothing is kept
 * @throws Refusal 'unprocessable' where the key came with another content, 'conflict' where the
 *   first request goes on for more than two seconds
 */
export function answerOnce(
  { db, keyring }: { db: Database; keyring: Keyring },
  { key, scope, content }: KeyedRequest,
  now: Date,
  work: (joined: Database) => Promise<Answer>,
): Promise<Done> {
  const asked: Asked = {
    digest: keyring.digest(`idempotency key of ${scope}: ${key}`),
    request: keyring.digest(`request: ${content}`),
    now,
  };
  return inTurn(asked, async () => {
    const kept = await keptAnswer(db, keyring, asked);
    if (kept) return { answer: kept, replayed: true };
    let id = 0;
    try {
      const claimed = async (tx: Queryable) => {
        id = await claim(tx, asked);
      };
      return await inOneTransaction(db, claimed, async (joined, begin) => {
        const answer = await work(joined);
        await keep(await begin(), keyring, id, answer);
        return { answer, replayed: false };
      });
    } catch (error) {
      if (!(error instanceof DoneElsewhere)) throw error;
      const answer = await keptAnswer(db, keyring, asked);
      if (!answer) throw idempotencyKeyInUse();
      return { answer, replayed: true };
    }
  });
}

/** Forgets answers that are older than 72 hours. */
export async function deleteOldAnswers(db: Queryable, now: Date): Promise<void> {
  await db.query(
    'DELETE FROM kept_answer WHERE kept_at <= $1::timestamptz - make_interval(hours => $2)',
    [now, KEPT_HOURS],
  );
}

/** Digests of a key and of what was asked with it. */
interface Asked {
  digest: Buffer;
  request: Buffer;
  now: Date;
}

/** Another process has done it. */
class DoneElsewhere extends Error {}

/** Does what the first request of a key asks; those that come meanwhile wait for its answer. */
async function inTurn({ digest, request }: Asked, work: () => Promise<Done>): Promise<Done> {
  const key = digest.toString('hex');
  const deadline = performance.now() + WAIT_MS;
  for (let first = running.get(key); first; first = running.get(key)) {
    const done = await until(deadline, first.done);
    if (!done) continue;
    if (!first.request.equals(request)) throw idempotencyKeyReused();
    return { ...done, replayed: true };
  }
  const done = work().finally(() => running.delete(key));
  running.set(key, { request, done });
  return done;
}

/** @returns undefined where it failed. @throws Refusal 'conflict' at the deadline */
async function until(deadline: number, first: Promise<Done>): Promise<Done | undefined> {
  const timer = new AbortController();
  const { signal } = timer;
  const timeout = sleep(Math.max(0, deadline - performance.now()), undefined, { signal });
  try {
    return await Promise.race([first.catch(() => undefined), timeout.then(inUse)]);
  } finally {
    timer.abort();
  }
}

function inUse(): never {
  throw idempotencyKeyInUse();
}

async function keptAnswer(
  db: Database,
  keyring: Keyring,
  { digest, request, now }: Asked,
): Promise<Answer | undefined> {
  const [kept] = await db.read<{ id: number; request: Buffer; sealed: Buffer }>(
    'kept-answer',
    `SELECT id, request, sealed FROM kept_answer
     WHERE digest = $1 AND kept_at > $2::timestamptz - make_interval(hours => $3)`,
    [digest, now, KEPT_HOURS],
  );
  if (!kept) return undefined;
  if (!kept.request.equals(request)) throw idempotencyKeyReused();
  return JSON.parse(await keyring.open(db, kept.sealed, sealContext(kept.id)));
}

/** Waits for whoever claims the same key. @returns the row's id */
async function claim(tx: Queryable, { digest, request, now }: Asked): Promise<number> {
  try {
    const [row] = await tx.query<{ id: number }>(
      `INSERT INTO kept_answer AS k (digest, request, kept_at) VALUES ($1, $2, $3)
       ON CONFLICT (digest) DO UPDATE
         SET request = excluded.request, sealed = NULL, kept_at = excluded.kept_at
         WHERE k.kept_at <= excluded.kept_at - make_interval(hours => $4)
       RETURNING id`,
      [digest, request, now, KEPT_HOURS],
    );
    if (!row) throw new DoneElsewhere();
    return row.id;
  } catch (error) {
    throw isLockTimeout(error) ? idempotencyKeyInUse() : error;
  }
}

async function keep(tx: Queryable, keyring: Keyring, id: number, answer: Answer): Promise<void> {
  const sealed = await keyring.seal(tx, JSON.stringify(answer), sealContext(id));
  await tx.query('UPDATE kept_answer SET sealed = $2 WHERE id = $1', [id, sealed]);
}

function sealContext(id: number): string {
  return `kept answer ${id}`;
}
