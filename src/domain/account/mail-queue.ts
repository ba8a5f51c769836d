import type { Database, Queryable } from '../../db/database.ts';
import type { Queue, QueuedJob } from '../../db/queue.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';
import {
  type AddressedMessage,
  MAIL_QUEUE,
  PARKED_MAIL_QUEUE,
  queueMessage,
} from '../mail/message.ts';
import { Refusal } from '../refusal.ts';
import { requestVerification } from './portal-sign-up.ts';
import { requestRecovery } from './recovery.ts';

/** An undelivered mail, without its content, which may hold a link. */
export interface UndeliveredMail {
  id: string;
  to: string;
  kind: AddressedMessage['message']['kind'];
  queuedAt: Date;
  tries: number;
  nextTryAt: Date;
  failure: string | null;
}

/** How many mails wait, also for a retry, and how many were given up; up to a minute old. */
export async function countMails(queue: Queue): Promise<{ waiting: number; parked: number }> {
  const [waiting, parked] = await Promise.all([
    queue.depth(MAIL_QUEUE),
    queue.depth(PARKED_MAIL_QUEUE),
  ]);
  return { waiting, parked };
}

/**
 * Mails that were given up, or mails that wait, oldest first.
 * @param page.after the id of the last mail already seen
 */
export async function listMails(
  queue: Queue,
  which: 'parked' | 'waiting',
  page: { after?: string | undefined; limit: number },
): Promise<UndeliveredMail[]> {
  const name = which === 'parked' ? PARKED_MAIL_QUEUE : MAIL_QUEUE;
  const jobs: QueuedJob<AddressedMessage>[] = await queue.list(name, page);
  return jobs.map(({ data, ...job }) => ({ ...job, to: data.to, kind: data.message.kind }));
}

/**
 * Queues a mail again that was given up. A mail with a link gets a new link, because the old one
 * has expired by then.
 * @throws Refusal 'not found'
 */
export async function retryMail(
  db: Database,
  actor: Actor,
  { queue, now }: Pick<CredentialTools, 'queue' | 'now'>,
  id: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const mail = await takeParked(tx, queue, id);
    const { to, message } = mail;
    if (message.kind === 'verification') await requestVerification(tx, queue, to);
    else if (message.kind === 'recovery') await requestRecovery(tx, queue, to);
    else await queueMessage(tx, queue, mail);
    await audit(tx, actor, { action: 'mail retried', detail: { to, kind: message.kind } }, now);
  });
}

/** Deletes a mail that was given up. @throws Refusal 'not found' */
export async function dropMail(
  db: Database,
  actor: Actor,
  { queue, now }: Pick<CredentialTools, 'queue' | 'now'>,
  id: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { to, message } = await takeParked(tx, queue, id);
    const detail = { to, kind: message.kind };
    await audit(tx, actor, { action: 'mail dropped', detail }, now);
  });
}

/** Records an event for each mail that was given up since the last call. */
export async function announceFailedMails(db: Database, queue: Queue, now: Date): Promise<void> {
  await db.transaction(async (tx) => {
    for (const mail of await queue.mark<AddressedMessage>(tx, PARKED_MAIL_QUEUE)) {
      const { id, failure, data } = mail;
      const told = { id, to: data.to, kind: data.message.kind, failure };
      await recordEvent(tx, { type: 'mail.failed', data: told }, now);
    }
  });
}

async function takeParked(tx: Queryable, queue: Queue, id: string): Promise<AddressedMessage> {
  const mail = await queue.take<AddressedMessage>(tx, PARKED_MAIL_QUEUE, id);
  if (!mail) throw new Refusal('not found', `no mail ${id} was given up`);
  return mail;
}
