import type { Queryable } from '../db/database.ts';
import type { Queue } from '../db/queue.ts';
import type { Decimal } from './money.ts';

export const MAIL_QUEUE = 'deliver-mail';
export const WARNING_QUEUE = 'warn-low-balance';

/** What a mail says; its wording is the mail department's. Tokens are sealed, in base64. */
export type Message =
  | { kind: 'verification'; username: number; token: string }
  | { kind: 'recovery'; links: { username: number; token: string }[] }
  | { kind: 'account exists'; usernames: number[] }
  | { kind: 'password changed'; username: number }
  | { kind: 'low balance'; username: number; cash: Decimal; threshold: number }
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
  message: Message;
}

/** Queues a mail, in the transaction that causes it. */
export async function queueMessage(
  tx: Queryable,
  queue: Queue,
  mail: AddressedMessage,
): Promise<void> {
  await queue.send(tx, MAIL_QUEUE, mail);
}
