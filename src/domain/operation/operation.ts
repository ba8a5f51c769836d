import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import type { Queue } from '../../db/queue.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';
import { Refusal } from '../refusal.ts';

/** The queue of long work; each job has the id of its operation. */
export const OPERATION_QUEUE = 'run-operation';

const KEPT_DAYS = 30;
const STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type OperationStatus = (typeof STATUSES)[number];

/** Long work that another system asked for, with its progress. */
export interface Operation {
  id: string;
  /** the kind of work, such as `reconciliation` */
  kind: string;
  status: OperationStatus;
  progress: { done: number; total: number | null; unit: string };
  result: unknown;
  error: unknown;
  /** id of the key that began it */
  createdBy: string;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** An operation, with the data that a worker needs. */
export interface OperationWork {
  id: string;
  kind: string;
  parameters: Record<string, unknown>;
  actor: Actor;
}

export interface NewOperation {
  kind: string;
  /** only one operation of a kind and subject runs at a time */
  subject?: string;
  parameters: Record<string, unknown>;
  /** unit of the progress, such as `accounts` */
  unit: string;
  createdBy: string;
}

const COLUMNS = `id, kind, status,
  json_build_object('done', done, 'total', total, 'unit', unit) AS progress, result, error,
  created_by AS "createdBy", created_at AS "createdAt", started_at AS "startedAt",
  finished_at AS "finishedAt"`;

/**
 * Queues work for a job. A job that was killed is continued. Of each key one operation runs at a
 * time.
 * @throws Refusal 'conflict', with the operation's id, while the same work runs
 */
export async function beginOperation(
  db: Database,
  queue: Queue,
  actor: Actor,
  { kind, subject = '', parameters, unit, createdBy }: NewOperation,
  now: Date,
): Promise<Operation> {
  const id = `op_${randomBytes(12).toString('base64url').replace(/[-_]/g, '0')}`;
  try {
    return await db.transaction(async (tx) => {
      const [operation] = await tx.query<Operation>(
        `INSERT INTO operation (id, kind, subject, parameters, unit, actor, origin, created_by,
           created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
        [
          id,
          kind,
          subject,
          JSON.stringify(parameters),
          unit,
          actor.who,
          actor.from,
          createdBy,
          now,
        ],
      );
      await queue.send(tx, OPERATION_QUEUE, { id }, { group: createdBy });
      return operation as Operation;
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'operation_running') throw error;
    const [other] = await db.query<{ id: string }>(
      'SELECT id FROM operation WHERE kind = $1 AND subject = $2 AND finished_at IS NULL',
      [kind, subject],
    );
    throw new Refusal('conflict', `the same work goes on: ${other?.id ?? 'ask again'}`, {
      reason: 'operation running',
      ...(other ? { about: { operation: other.id } } : {}),
    });
  }
}

/**
 * @param createdBy id of the key that began it; left out: anyone
 * @throws Refusal 'not found'
 */
export async function findOperation(
  db: Queryable,
  id: string,
  createdBy?: string,
): Promise<Operation> {
  const [operation] = await db.query<Operation>(
    `SELECT ${COLUMNS} FROM operation WHERE id = $1 AND ($2::text IS NULL OR created_by = $2)`,
    [id, createdBy ?? null],
  );
  if (!operation) throw new Refusal('not found', `there is no operation ${id}`);
  return operation;
}

/** What an operation works on, such as the id of an import. @throws Refusal 'not found' */
export async function subjectOf(db: Queryable, id: string, createdBy: string): Promise<string> {
  const [row] = await db.query<{ subject: string }>(
    'SELECT subject FROM operation WHERE id = $1 AND created_by = $2',
    [id, createdBy],
  );
  if (!row) throw new Refusal('not found', `there is no operation ${id}`);
  return row.subject;
}

/**
 * Operations that match a filter, newest first.
 * @param page.before `place` and id of the last operation already seen
 */
export function listOperations(
  db: Queryable,
  filter: {
    /** left out: anyone */
    createdBy?: string | undefined;
    kinds?: string[] | undefined;
    statuses?: OperationStatus[] | undefined;
  },
  page: { before?: unknown[] | undefined; limit: number },
): Promise<(Operation & { place: string })[]> {
  const [at = null, id = null] = page.before ?? [];
  return db.query(
    `SELECT ${COLUMNS}, created_at::text AS place FROM operation
     WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2::text))
       AND ($3::text[] IS NULL OR kind = ANY ($3)) AND ($4::text[] IS NULL OR status = ANY ($4))
       AND ($5::text IS NULL OR created_by = $5)
     ORDER BY created_at DESC, id DESC LIMIT $6`,
    [at, id, filter.kinds ?? null, filter.statuses ?? null, filter.createdBy ?? null, page.limit],
  );
}

/** Begins or continues the work. @returns undefined if it is finished or unknown */
export async function takeOperation(
  db: Queryable,
  id: string,
  now: Date,
): Promise<OperationWork | undefined> {
  const [work] = await db.query<Omit<OperationWork, 'actor'> & { who: string; from: string }>(
    `UPDATE operation SET status = 'running', started_at = coalesce(started_at, $2)
     WHERE id = $1 AND finished_at IS NULL
     RETURNING id, kind, parameters, actor AS who, origin AS "from"`,
    [id, now],
  );
  if (!work) return undefined;
  const { who, from, ...rest } = work;
  return { ...rest, actor: { who, from } };
}

// Work of these kinds can end after any step; the rest would leave a step undone.
const CANCELLABLE = ['charge run', 'charge preview', 'import', 'replay'];

/**
 * Ends an operation before it is done: one that still waits, or one whose kind allows that between
 * two steps. What it did stays.
 * @throws Refusal 'not found'; 'conflict' for one that is finished, or whose kind does not allow it
 */
export function cancelOperation(
  db: Database,
  actor: Actor,
  { id, createdBy }: Pick<Operation, 'id' | 'createdBy'>,
  now: Date,
): Promise<Operation> {
  return db.transaction(async (tx) => {
    const [cancelled] = await tx.query<Operation>(
      `UPDATE operation SET status = 'cancelled', finished_at = $3
       WHERE id = $1 AND created_by = $2 AND (status = 'queued' OR status = 'running' AND kind = ANY ($4))
       RETURNING ${COLUMNS}`,
      [id, createdBy, now, CANCELLABLE],
    );
    if (cancelled) {
      const detail = { id, kind: cancelled.kind };
      await audit(tx, actor, { action: 'operation cancelled', detail }, now);
      await recordEvent(tx, { type: 'operation.finished', data: cancelled }, now);
      return cancelled;
    }
    const operation = await findOperation(tx, id, createdBy);
    if (operation.status === 'cancelled') return operation;
    const what =
      operation.status === 'running'
        ? `a ${operation.kind} cannot be cancelled`
        : `it has ${operation.status}`;
    throw new Refusal('conflict', what);
  });
}

/** @param total null: unknown @returns false if the operation has ended, such as by a cancellation */
export async function noteProgress(
  db: Queryable,
  id: string,
  { done, total = null }: { done: number; total?: number | null },
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE operation SET done = $2, total = coalesce($3, total)
     WHERE id = $1 AND finished_at IS NULL RETURNING id`,
    [id, done, total],
  );
  return rows.length > 0;
}

/** Ends an operation with a result or an error, and records the event. */
export async function finishOperation(
  db: Database,
  id: string,
  outcome: { result: object } | { error: object },
  now: Date,
): Promise<void> {
  const hasResult = 'result' in outcome;
  await db.transaction(async (tx) => {
    const [finished] = await tx.query<Operation>(
      `UPDATE operation SET status = $2, result = $3, error = $4, finished_at = $5,
         done = CASE WHEN $2 = 'succeeded' THEN coalesce(total, done) ELSE done END
       WHERE id = $1 AND finished_at IS NULL RETURNING ${COLUMNS}`,
      [
        id,
        hasResult ? 'succeeded' : 'failed',
        hasResult ? JSON.stringify(outcome.result) : null,
        hasResult ? null : JSON.stringify(outcome.error),
        now,
      ],
    );
    if (finished) await recordEvent(tx, { type: 'operation.finished', data: finished }, now);
  });
}

/** Operations that wait and that run, and those that failed within a day. */
export async function countOperations(
  db: Queryable,
  now: Date,
): Promise<Record<'waiting' | 'running' | 'failed', number>> {
  const [counts] = await db.query<Record<'waiting' | 'running' | 'failed', number>>(
    `SELECT count(*) FILTER (WHERE status = 'queued')::int AS waiting,
       count(*) FILTER (WHERE status = 'running')::int AS running,
       count(*) FILTER (WHERE status = 'failed')::int AS failed
     FROM operation WHERE finished_at IS NULL OR finished_at > $1::timestamptz - interval '1 day'`,
    [now],
  );
  return counts ?? { waiting: 0, running: 0, failed: 0 };
}

/** Deletes operations that ended 30 days ago or earlier. */
export async function deleteOldOperations(db: Queryable, now: Date): Promise<void> {
  await db.query(
    'DELETE FROM operation WHERE finished_at < $1::timestamptz - make_interval(days => $2)',
    [now, KEPT_DAYS],
  );
}
