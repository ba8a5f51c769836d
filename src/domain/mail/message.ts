import type { Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Language } from '../../language.ts';
import type { Actor } from '../audit.ts';
import { addressKey } from '../email-address.ts';
import type { Decimal } from '../money.ts';

export const MAIL_QUEUE = 'deliver-mail';
/** Mails that were given up wait here for the operator. */
export const PARKED_MAIL_QUEUE = 'parked-mail';
export const WARNING_QUEUE = 'warn-low-balance';

const MOST_COUNTED = 100;
const MOST_OF_A_SUBJECT = 3;
// Changes that a customer can make as often as wanted.
const REPEATED_AT_WILL = new Set<Message['kind']>([
  'password changed',
  'key changed',
  'sip secret changed',
  'second factor',
]);

/** What a mail says; its wording is the mail department's. Tokens are sealed, in base64. */
export type Message =
  | { kind: 'verification'; username: number; token: string }
  | { kind: 'recovery'; links: { username: number; token: string }[] }
  | { kind: 'account exists'; usernames: number[] }
  | ({ kind: 'password changed'; username: number } & Occurrence)
  | ({ kind: 'key changed'; username: number } & Occurrence)
  | ({ kind: 'sip secret changed'; username: number } & Occurrence)
  | ({ kind: 'address changed'; username: number; before: string; after: string } & Occurrence)
  | ({ kind: 'second factor'; username: number; on: boolean } & Occurrence)
  | { kind: 'low balance'; username: number; cash: Decimal; threshold: number }
  | { kind: 'calls stopped'; username: number; cash: Decimal }
  | {
      kind: 'monthly charge';
      username: number;
      /** such as `2026-12` */
      month: string;
      amount: Decimal;
      /** what is left after it */
      cash: Decimal;
      lines: ChargeSummary[];
    };

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
  /** that is paid for, such as `2026-12` */
  month: string;
  count: number;
  amount: Decimal;
}

export interface AddressedMessage {
  to: string;
  name: string;
  /** in which the mail tells times; undefined: it tells none, or UTC will do */
  timeZone?: string | undefined;
  /** null, undefined: that of the installation */
  language?: Language | null | undefined;
  message: Message;
}

/** What a notice tells of who made a change: strangers are told by their address. */
export function occurrence(actor: Actor, now: Date): Occurrence {
  const isStaff = /^(operator|administrator) /.test(actor.who);
  const address = isStaff ? undefined : actor.from.split(' ').at(-1);
  return { at: now.toISOString(), address };
}

/**
 * Queues a mail, in the transaction that causes it. The more mails wait for an address, the later
 * comes the next one to it, so that many mails to one hold up no mail to another.
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
 * Queues a mail to the address that an account has now, in the transaction that causes it. Of one
 * kind of change, three mails wait at most: a fourth would tell nothing new.
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

function subjectOf(message: Message): string {
  return 'username' in message ? `${message.kind} ${message.username}` : message.kind;
}
