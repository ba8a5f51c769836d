import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Queryable } from '../../db/database.ts';
import { isLockTimeout } from '../../db/errors.ts';
import { inOneTransaction } from '../../db/one-transaction.ts';
import { idempotencyKeyInUse, idempotencyKeyReused } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';

const KEPT_HOURS = 72;
// The same time as PostgreSQL waits for a lock.
const WAIT_MS = 2_000;

/** The answer to a request that succeeded. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

/** A request that may be sent again; its client chose a key by which it is recognized. */
export interface KeyedRequest {
  key: string;
  /** the sender and the operation; the key counts only within them */
  scope: string;
  /** the content of the request, such as the body as JSON */
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

/** The requests in progress in this process, by the digest of their key. */
const running = new Map<string, { request: Buffer; done: Promise<Done> }>();

interface Done {
  answer: Answer;
  /** whether this is the answer of an earlier request */
  replayed: boolean;
}

/**
 * Performs a request once. If it is sent again within 72 hours, it gets the same answer and is not
 * performed again. The transaction that makes the change also stores the sealed answer, so both are
 * stored or neither is.
 * @param work performs the request in one transaction of the database (`inOneTransaction`). It
 *   throws if the request fails; failures are not kept
 * @throws Refusal 'unprocessable' if the key was sent with another content, 'conflict' if the first
 *   request still runs after two seconds
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

/** Deletes answers that are older than 72 hours. */
export async function deleteOldAnswers(db: Queryable, now: Date): Promise<void> {
  await db.query(
    'DELETE FROM kept_answer WHERE kept_at <= $1::timestamptz - make_interval(hours => $2)',
    [now, KEPT_HOURS],
  );
}

/** Digests of a key and of the request's content. */
interface Asked {
  digest: Buffer;
  request: Buffer;
  now: Date;
}

/** Another process has performed the request. */
class DoneElsewhere extends Error {}

/** Performs the first request of a key; others that arrive meanwhile wait for its answer. */
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

/** @returns undefined if the first request failed. @throws Refusal 'conflict' at the deadline */
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

/** Claims the key; waits for another transaction that claims the same one. @returns the row's id */
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
