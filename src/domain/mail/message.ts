import type { Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Actor } from '../audit.ts';
import type { Decimal } from '../money.ts';

export const MAIL_QUEUE = 'deliver-mail';
/** Mails that were given up wait here for the operator. */
export const PARKED_MAIL_QUEUE = 'parked-mail';
export const WARNING_QUEUE = 'warn-low-balance';

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
  message: Message;
}

/** What a notice tells of who made a change: strangers are told by their address. */
export function occurrence(actor: Actor, now: Date): Occurrence {
  const isStaff = /^(operator|administrator) /.test(actor.who);
  const address = isStaff ? undefined : actor.from.split(' ').at(-1);
  return { at: now.toISOString(), address };
}

/** Queues a mail, in the transaction that causes it. */
export async function queueMessage(
  tx: Queryable,
  queue: Queue,
  mail: AddressedMessage,
): Promise<void> {
  await queue.send(tx, MAIL_QUEUE, mail);
}

/** Queues a mail to the address that an account has now, in the transaction that causes it. */
export async function notifyAccount(
  tx: Queryable,
  queue: Queue,
  username: number,
  message: Message,
): Promise<void> {
  const [account] = await tx.query<Omit<AddressedMessage, 'message'>>(
    'SELECT email AS to, name, time_zone AS "timeZone" FROM account WHERE username = $1',
    [username],
  );
  if (account) await queueMessage(tx, queue, { ...account, message });
}
