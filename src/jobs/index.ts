import type { Logger } from 'pino';
import {
  completeSignUp,
  SIGN_UP_QUEUE,
  type SignUpRequest,
  sendVerifications,
  VERIFICATION_QUEUE,
} from '../domain/account/portal-sign-up.ts';
import { RECOVERY_QUEUE, sendRecovery } from '../domain/account/recovery.ts';
import type { Actor } from '../domain/audit.ts';
import { countCallHours } from '../domain/calls/call-hour.ts';
import { sumCalls } from '../domain/calls/call-sums.ts';
import { checkRepeatedCalls } from '../domain/calls/repeated-call.ts';
import { type AddressedMessage, MAIL_QUEUE, WARNING_QUEUE } from '../domain/mail/message.ts';
import { expireHolds } from '../domain/rating/hold.ts';
import { REPLAY_QUEUE, replayRefused } from '../ingest/replay.ts';
import type { Sender } from '../mail/letter.ts';
import type { MailTransport } from '../mail/transport.ts';
import type { Service } from '../service.ts';
import { cleanUp } from './clean-up.ts';
import { deliverMail } from './deliver-mail.ts';
import { postDueCharges } from './post-monthly-charges.ts';
import {
  CHARGES_QUEUE,
  CLEAN_UP_QUEUE,
  defineQueues,
  HOLDS_QUEUE,
  HOURS_QUEUE,
  REPEATED_CALLS_QUEUE,
  SUMS_QUEUE,
} from './queues.ts';
import { tellOfStoppedCalls } from './tell-of-stopped-calls.ts';
import { warnLowBalances } from './warn-low-balance.ts';

const MOST_LOGGED = 20;

/** Starts everything that happens later or by the clock. */
export async function startJobs(
  service: Service,
  transport: MailTransport,
  sender: Sender,
  log: Logger,
): Promise<void> {
  const { queue, db, keyring, config, clock } = service;
  await defineQueues(queue);
  await queue.work<AddressedMessage>(MAIL_QUEUE, async (mail, id) => {
    const what = { id, kind: mail.message.kind };
    try {
      await deliverMail(service, transport, sender, { id, mail });
      log.info(what, 'mail delivered');
    } catch (error) {
      log.warn({ ...what, error: (error as Error).message }, 'mail not delivered');
      throw error;
    }
  });
  await queue.work<{ email: string }>(RECOVERY_QUEUE, async ({ email }) => {
    await sendRecovery(db, keyring, queue, email, clock());
    queue.wake(MAIL_QUEUE);
  });
  await queue.work<SignUpRequest>(SIGN_UP_QUEUE, async (request) => {
    const { defaultRate: rate, sipRealm } = config;
    await completeSignUp(db, { keyring, queue, now: clock(), rate, sipRealm }, request);
    queue.wake(MAIL_QUEUE);
  });
  await queue.work<{ email: string }>(VERIFICATION_QUEUE, async ({ email }) => {
    await sendVerifications(db, keyring, queue, email, clock());
    queue.wake(MAIL_QUEUE);
  });
  await queue.work(WARNING_QUEUE, async () => {
    await warnLowBalances(service);
    await tellOfStoppedCalls(service);
    queue.wake(MAIL_QUEUE);
  });
  await queue.work(CHARGES_QUEUE, async () => {
    await postDueCharges(service, log);
    queue.wake(MAIL_QUEUE);
  });
  await queue.work(HOURS_QUEUE, () => countCallHours(db, clock()));
  await queue.work(HOLDS_QUEUE, () => expireHolds(db, clock()));
  await queue.work(SUMS_QUEUE, () => sumCalls(db, clock()));
  await queue.work<Actor>(REPLAY_QUEUE, async (actor) => {
    const { retentionMonths } = service.config;
    await replayRefused(db, actor, { now: clock(), retentionMonths });
  });
  await queue.work(REPEATED_CALLS_QUEUE, async () => {
    const repeated = await checkRepeatedCalls(db, clock());
    if (repeated.length === 0) return;
    const calls = repeated.slice(0, MOST_LOGGED);
    log.warn({ ids: repeated.length, calls }, 'ids of calls with more than one start or account');
  });
  await queue.work(CLEAN_UP_QUEUE, () => cleanUp(service));
  await queue.schedule(WARNING_QUEUE, '* * * * *');
  await queue.schedule(HOURS_QUEUE, '* * * * *');
  await queue.schedule(HOLDS_QUEUE, '* * * * *');
  await queue.schedule(SUMS_QUEUE, '*/10 * * * *');
  await queue.schedule(CHARGES_QUEUE, '6 * * * *');
  await queue.schedule(REPEATED_CALLS_QUEUE, '41 3 * * *');
  await queue.schedule(CLEAN_UP_QUEUE, '17 * * * *');
  await queue.start(db, CLEAN_UP_QUEUE);
}
