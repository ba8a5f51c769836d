import type { Database, Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import { type Actor, audit } from '../audit.ts';
import { InvalidValue } from '../entered-values.ts';
import { lockOpenAccount } from '../open-account.ts';
import { requireList } from '../rating/price-list.ts';
import { Refusal } from '../refusal.ts';
import { changeAccount } from './account.ts';
import type { AccountChanges } from './account-setting.ts';

/** The settings that can be scheduled: those that decide the price of calls. */
const SCHEDULABLE = ['rate', 'minimumSeconds', 'incrementSeconds', 'priceList'] as const;

export interface ScheduledChange {
  id: number;
  account: number;
  dueAt: Date;
  settings: Pick<AccountChanges, (typeof SCHEDULABLE)[number]>;
  /** why the change failed; null if it is not due yet */
  problem: string | null;
}

/**
 * Schedules a change of an account's rate, increment or price list, to the minute.
 * @returns the change's id
 * @throws Refusal 'not found' for the account or the list, 'malformed' for other settings or a time
 *   in the past
 */
export async function scheduleChange(
  db: Database,
  actor: Actor,
  change: { account: number; settings: AccountChanges; dueAt: Date },
  now: Date,
): Promise<number> {
  const { account, settings, dueAt } = change;
  const other = Object.keys(settings).find((name) => !SCHEDULABLE.some((known) => known === name));
  if (other) {
    throw new Refusal(
      'malformed',
      `${other} is changed at once: only rate, increment and price list can be changed later`,
    );
  }
  if (dueAt <= now) throw new Refusal('malformed', 'the moment of the change must lie ahead');
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, account);
    if (settings.priceList) await requireList(tx, settings.priceList);
    const [row] = await tx.query<{ id: number }>(
      `INSERT INTO scheduled_change (account, due_at, settings, actor, created_at)
       VALUES ($1, $2, $3, $4, $5) RETURNING id`,
      [account, dueAt, JSON.stringify(settings), actor.who, now],
    );
    const detail = { ...settings, from: dueAt };
    await audit(tx, actor, { action: 'change scheduled', account, detail }, now);
    return row?.id as number;
  });
}

/** Scheduled changes that are pending, and those that failed. */
export function listScheduled(db: Queryable, account?: number): Promise<ScheduledChange[]> {
  return db.query<ScheduledChange>(
    `SELECT id, account, due_at AS "dueAt", settings, problem FROM scheduled_change
     WHERE (done_at IS NULL OR problem IS NOT NULL) AND ($1::bigint IS NULL OR account = $1)
     ORDER BY due_at, id`,
    [account ?? null],
  );
}

/** @throws Refusal 'not found' if there is no such change, or it was done */
export async function callOffChange(
  db: Database,
  actor: Actor,
  id: number,
  now: Date,
): Promise<ScheduledChange> {
  return db.transaction(async (tx) => {
    const [row] = await tx.query<ScheduledChange>(
      `UPDATE scheduled_change SET done_at = $2, problem = NULL
       WHERE id = $1 AND (done_at IS NULL OR problem IS NOT NULL)
       RETURNING id, account, due_at AS "dueAt", settings, problem`,
      [id, now],
    );
    if (!row) throw new Refusal('not found', `there is no change ${id} to come`);
    const detail = { ...row.settings, from: row.dueAt };
    await audit(tx, actor, { action: 'change called off', account: row.account, detail }, now);
    return row;
  });
}

/** Makes the due changes in the name of who scheduled them. Failed ones stay with the reason. */
export async function applyDueChanges(db: Database, queue: Queue, now: Date): Promise<void> {
  const due = await db.query<ScheduledChange & { actor: string }>(
    `SELECT id, account, settings, actor FROM scheduled_change
     WHERE done_at IS NULL AND due_at <= $1 ORDER BY due_at, id`,
    [now],
  );
  for (const { id, account, settings, actor } of due) {
    let problem: string | null = null;
    try {
      const by = { who: actor, from: 'schedule' };
      await changeAccount(db, by, { queue, now }, account, settings);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof InvalidValue)) throw error;
      problem = error.message;
    }
    await db.query(
      'UPDATE scheduled_change SET done_at = $2, problem = $3 WHERE id = $1 AND done_at IS NULL',
      [id, now, problem],
    );
  }
}
