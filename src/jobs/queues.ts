import type { Queue } from '../db/queue.ts';
import { SIGN_UP_QUEUE, VERIFICATION_QUEUE } from '../domain/account/portal-sign-up.ts';
import { RECOVERY_QUEUE } from '../domain/account/recovery.ts';
import { MAIL_QUEUE, PARKED_MAIL_QUEUE, WARNING_QUEUE } from '../domain/mail/message.ts';
import { OPERATION_QUEUE } from '../domain/operation/operation.ts';
import { REPLAY_QUEUE } from '../ingest/replay.ts';

export const CLEAN_UP_QUEUE = 'clean-up';
export const CHARGES_QUEUE = 'post-monthly-charges';
export const REPEATED_CALLS_QUEUE = 'check-repeated-calls';
export const HOURS_QUEUE = 'count-call-hours';
export const SUMS_QUEUE = 'sum-calls';
export const HOLDS_QUEUE = 'expire-holds';
export const UNUSUAL_QUEUE = 'warn-unusual-hours';
export const SCHEDULED_QUEUE = 'apply-scheduled-changes';

// With doubling pauses, sixteen attempts cover a mail server that is away for over three days.
const MAIL_RETRIES = { retryLimit: 16, retryDelay: 5, retryBackoff: true, retryDelayMax: 21_600 };
// A second copy of a waiting job is dropped: the waiting job does the same work.
const SINGLE = { policy: 'short', deleteAfterSeconds: 3_600 } as const;
const PARKED_SECONDS = 60 * 86_400;

/** Makes the queues, or brings their options up to date. */
export async function defineQueues(queue: Queue): Promise<void> {
  await queue.define(PARKED_MAIL_QUEUE, { policy: 'standard', retentionSeconds: PARKED_SECONDS });
  await queue.define(MAIL_QUEUE, {
    policy: 'standard',
    ...MAIL_RETRIES,
    deleteAfterSeconds: 86_400,
    deadLetter: PARKED_MAIL_QUEUE,
  });
  await queue.define(RECOVERY_QUEUE, { ...SINGLE, ...MAIL_RETRIES });
  await queue.define(SIGN_UP_QUEUE, { ...SINGLE, ...MAIL_RETRIES });
  await queue.define(VERIFICATION_QUEUE, { ...SINGLE, ...MAIL_RETRIES });
  await queue.define(WARNING_QUEUE, SINGLE);
  await queue.define(CHARGES_QUEUE, { ...SINGLE, expireInSeconds: 21_600 });
  await queue.define(REPEATED_CALLS_QUEUE, SINGLE);
  await queue.define(HOURS_QUEUE, SINGLE);
  await queue.define(HOLDS_QUEUE, SINGLE);
  await queue.define(SCHEDULED_QUEUE, SINGLE);
  await queue.define(UNUSUAL_QUEUE, SINGLE);
  await queue.define(SUMS_QUEUE, { ...SINGLE, expireInSeconds: 3_600 });
  await queue.define(REPLAY_QUEUE, { ...SINGLE, expireInSeconds: 21_600 });
  await queue.define(OPERATION_QUEUE, {
    policy: 'standard',
    deleteAfterSeconds: 3_600,
    expireInSeconds: 21_600,
    retryLimit: 20,
    retryDelay: 5,
  });
  await queue.define(CLEAN_UP_QUEUE, SINGLE);
}
