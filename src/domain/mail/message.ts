import type { Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Language } from '../../language.ts';
import type { Actor } from '../audit.ts';
import { addressKey } from '../email-address.ts';
import type { Decimal } from '../money.ts';

export const MAIL_QUEUE = 'deliver-mail';
/** The queue of mails that were given up; they wait for the operator. */
export const PARKED_MAIL_QUEUE = 'parked-mail';
export const WARNING_QUEUE = 'warn-low-balance';

const MOST_COUNTED = 100;
const MOST_OF_A_SUBJECT = 3;
// Changes that a customer can repeat without limit.
const REPEATED_AT_WILL = new Set<Message['kind']>([
  'password changed',
  'key changed',
  'sip secret changed',
  'second factor',
]);

/** The content of a mail; the code in src/mail words it. Tokens are sealed, in base64. */
export type Message =
  | { kind: 'verification'; username: number; token: string }
  | { kind: 'recovery'; links: { username: number; token: string }[] }
  | { kind: 'account exists'; usernames: number[] }
  | ({ kind: 'password changed'; username: number } & Occurrence)
  | ({ kind: 'key changed'; username: number } & Occurrence)
  | ({ kind: 'sip secret changed'; username: number } & Occurrence)
  | {
      kind: 'confirm address';
      username: number;
      token: string;
      /** the address that the mail goes to: the old or the new one */
      by: 'before' | 'after';
      before: string;
      after: string;
    }
  | ({ kind: 'address changed'; username: number; before: string; after: string } & Occurrence)
  | ({ kind: 'second factor'; username: number; on: boolean } & Occurrence)
  | { kind: 'low balance'; username: number; cash: Decimal; threshold: number }
  | { kind: 'calls stopped'; username: number; cash: Decimal }
  | ({ kind: 'daily limit' } & LimitReached)
  // to the administrators
  | ({ kind: 'daily limit of a customer' } & LimitReached)
  | {
      kind: 'unusual hour';
      username: number;
      /** when the hour began, in the form of ISO 8601 */
      hour: string;
      spent: Decimal;
      /** what an hour usually costs */
      usual: Decimal;
    }
  | { kind: 'webhook failing' | 'webhook disabled'; url: string; since: string; error: string }
  | {
      kind: 'monthly charge';
      username: number;
      /** such as `2026-12` */
      month: string;
      amount: Decimal;
      /** the balance after it */
      cash: Decimal;
      lines: ChargeSummary[];
    };

/** How much of the daily limit of calls is spent. */
export interface LimitReached {
  username: number;
  /** percent */
  level: 80 | 100;
  spent: Decimal;
  limit: Decimal;
}

/** When something was changed, and from where. */
export interface Occurrence {
  /** in the form of ISO 8601 */
  at: string;
  /** the network address; undefined: the carrier's staff did it */
  address: string | undefined;
}

/** Services of one name, or all numbers, in a monthly charge. */
export interface ChargeSummary {
  /** undefined: phone numbers */
  service: string | undefined;
  /** the month that is paid for, such as `2026-12` */
  month: string;
  count: number;
  amount: Decimal;
}

export interface AddressedMessage {
  to: string;
  name: string;
  /** for times in the mail; undefined: it has no times, or they are in UTC */
  timeZone?: string | undefined;
  /** null, undefined: the installation's language */
  language?: Language | null | undefined;
  message: Message;
}

/** When a change was made and, unless staff made it, from which address. */
export function occurrence(actor: Actor, now: Date): Occurrence {
  const isStaff = /^(operator|administrator) /.test(actor.who);
  const address = isStaff ? undefined : actor.from.split(' ').at(-1);
  return { at: now.toISOString(), address };
}

/**
 * Queues a mail, in the transaction that causes it. Its priority is lower the more mails wait for
 * its address. So many mails to one address do not delay mails to others.
 */
export async function queueMessage(
  tx: Queryable,
  queue: Queue,
  mail: AddressedMessage,
): Promise<void> {
  const waiting = await mailsWaiting(tx, queue, mail.to);
  await queue.send(tx, MAIL_QUEUE, mail, { key: addressKey(mail.to), priority: -waiting.length });
}

function mailsWaiting(tx: Queryable, queue: Queue, to: string): Promise<AddressedMessage[]> {
  return queue.waiting<AddressedMessage>(tx, MAIL_QUEUE, addressKey(to), MOST_COUNTED);
}

/**
 * Queues a mail to an account's present address, in the transaction that causes it. At most three
 * mails about one kind of change wait, because a fourth would add no information.
 */
export async function notifyAccount(
  tx: Queryable,
  queue: Queue,
  username: number,
  message: Message,
): Promise<void> {
  const [account] = await tx.query<Omit<AddressedMessage, 'message'>>(
    'SELECT email AS to, name, time_zone AS "timeZone", language FROM account WHERE username = $1',
    [username],
  );
  if (!account) return;
  if (REPEATED_AT_WILL.has(message.kind)) {
    const waiting = await mailsWaiting(tx, queue, account.to);
    const same = waiting.filter((mail) => subjectOf(mail.message) === subjectOf(message));
    if (same.length >= MOST_OF_A_SUBJECT) return;
  }
  await queueMessage(tx, queue, { ...account, message });
}

/** Queues a mail to each administrator, in the transaction that causes it. */
export async function notifyAdministrators(
  tx: Queryable,
  queue: Queue,
  message: Message,
): Promise<void> {
  const administrators = await tx.query<Omit<AddressedMessage, 'message'>>(
    `SELECT email AS to, name, time_zone AS "timeZone", language FROM account
     WHERE role = 'administrator' AND closed_at IS NULL ORDER BY username`,
  );
  for (const administrator of administrators) {
    await queueMessage(tx, queue, { ...administrator, message });
  }
}

function subjectOf(message: Message): string {
  return 'username' in message ? `${message.kind} ${message.username}` : message.kind;
}
