import type { Logger } from 'pino';
import { countJobFailure, noteQueues } from '../db/job-failures.ts';
import type { FailureHandler, JobHandler } from '../db/queue.ts';
import { endNewLimits } from '../domain/account/new-limits.ts';
import {
  completeSignUp,
  SIGN_UP_QUEUE,
  type SignUpRequest,
  sendVerifications,
  VERIFICATION_QUEUE,
} from '../domain/account/portal-sign-up.ts';
import { RECOVERY_QUEUE, sendRecovery } from '../domain/account/recovery.ts';
import { applyDueChanges } from '../domain/account/scheduled-change.ts';
import type { Actor } from '../domain/audit.ts';
import { tellOfStoppedCalls, warnLowBalances } from '../domain/billing/balance-notice.ts';
import { tellOfLimits } from '../domain/billing/limit-notice.ts';
import { tellOfUnusualHours } from '../domain/billing/unusual-hour.ts';
import { countCallHours } from '../domain/calls/call-hour.ts';
import { sumCalls } from '../domain/calls/call-sums.ts';
import { checkRepeatedCalls } from '../domain/calls/repeated-call.ts';
import { type AddressedMessage, MAIL_QUEUE, WARNING_QUEUE } from '../domain/mail/message.ts';
import { OPERATION_QUEUE } from '../domain/operation/operation.ts';
import { expireHolds } from '../domain/rating/hold.ts';
import { REPLAY_QUEUE, replayRejected } from '../ingest/replay.ts';
import type { Sender } from '../mail/letter.ts';
import type { MailTransport } from '../mail/transport.ts';
import type { Service } from '../service.ts';
import { cleanUp } from './clean-up.ts';
import { deliverMail } from './deliver-mail.ts';
import { startEvents } from './events.ts';
import { postDueCharges } from './post-monthly-charges.ts';
import {
  CHARGES_QUEUE,
  CLEAN_UP_QUEUE,
  defineQueues,
  HOLDS_QUEUE,
  HOURS_QUEUE,
  REPEATED_CALLS_QUEUE,
  SCHEDULED_QUEUE,
  SUMS_QUEUE,
  UNUSUAL_QUEUE,
} from './queues.ts';
import { runOperation } from './run-operation.ts';

const MOST_LOGGED = 20;
// An import may take hours; one of each key runs at a time.
const OPERATIONS_AT_ONCE = 3;

/** Starts all delayed and scheduled work. @returns stops what does not end with the queue */
export async function startJobs(
  service: Service,
  transport: MailTransport,
  sender: Sender,
  log: Logger,
): Promise<() => Promise<void>> {
  const { queue, db, keyring, config, clock } = service;
  const queues: string[] = [];
  /** Works a queue; logs and counts every failed attempt. */
  const work = async <Data extends object>(
    name: string,
    handler: JobHandler<Data>,
    logFailure: FailureHandler = (err, id) => log.error({ queue: name, id, err }, 'job failed'),
    atOnce?: number,
  ) => {
    queues.push(name);
    const onFailure: FailureHandler = (error, id) => {
      logFailure(error, id);
      countJobFailure(db, name).catch((err) => log.error({ queue: name, err }, 'job not counted'));
    };
    await queue.work<Data>(name, handler, onFailure, atOnce);
  };
  await defineQueues(queue);
  await work<AddressedMessage>(
    MAIL_QUEUE,
    async (mail, id) => {
      await deliverMail(service, transport, sender, { id, mail });
      log.info({ id, kind: mail.message.kind }, 'mail delivered');
    },
    // It is usual that a mail server is away for a while; mails have their own metric.
    (error, id) => log.warn({ id, error: (error as Error).message }, 'mail not delivered'),
  );
  await work<{ email: string }>(RECOVERY_QUEUE, async ({ email }) => {
    await sendRecovery(db, { keyring, queue, now: clock() }, email);
  });
  await work<SignUpRequest>(SIGN_UP_QUEUE, async (request) => {
    const { defaultRate: rate, newLimits: limits, sipRealm } = config;
    await completeSignUp(db, { keyring, queue, now: clock(), rate, limits, sipRealm }, request);
  });
  await work<{ email: string }>(VERIFICATION_QUEUE, async ({ email }) => {
    await sendVerifications(db, { keyring, queue, now: clock() }, email);
  });
  await work(WARNING_QUEUE, async () => {
    await warnLowBalances(db, queue);
    await tellOfStoppedCalls(db, queue);
    await tellOfLimits(db, queue);
  });
  await work(CHARGES_QUEUE, async () => {
    await postDueCharges(service, log);
  });
  await work(HOURS_QUEUE, () => countCallHours(db, clock()));
  await work(HOLDS_QUEUE, () => expireHolds(db, clock()));
  await work(SCHEDULED_QUEUE, async () => {
    await applyDueChanges(db, queue, clock());
    await endNewLimits(db, clock());
  });
  await work(UNUSUAL_QUEUE, async () => {
    const { unusualHour } = config;
    if (unusualHour !== undefined) await tellOfUnusualHours(db, queue, unusualHour, clock());
  });
  await work(SUMS_QUEUE, () => sumCalls(db, clock()));
  await work<Actor>(REPLAY_QUEUE, async (actor) => {
    const { retentionMonths, emergencyNumbers } = service.config;
    await replayRejected(db, actor, { now: clock(), retentionMonths, emergencyNumbers });
  });
  await work(REPEATED_CALLS_QUEUE, async () => {
    const repeated = await checkRepeatedCalls(db, clock());
    if (repeated.length === 0) return;
    const calls = repeated.slice(0, MOST_LOGGED);
    log.warn({ ids: repeated.length, calls }, 'ids of calls with more than one start or account');
  });
  const operate = ({ id }: { id: string }) => runOperation(service, id);
  await work<{ id: string }>(OPERATION_QUEUE, operate, undefined, OPERATIONS_AT_ONCE);
  await work(CLEAN_UP_QUEUE, () => cleanUp(service));
  await noteQueues(db, queues);
  await queue.schedule(WARNING_QUEUE, '* * * * *');
  await queue.schedule(HOURS_QUEUE, '* * * * *');
  await queue.schedule(HOLDS_QUEUE, '* * * * *');
  await queue.schedule(SCHEDULED_QUEUE, '* * * * *');
  await queue.schedule(UNUSUAL_QUEUE, '*/5 * * * *');
  await queue.schedule(SUMS_QUEUE, '*/10 * * * *');
  await queue.schedule(CHARGES_QUEUE, '6 * * * *');
  await queue.schedule(REPEATED_CALLS_QUEUE, '41 3 * * *');
  await queue.schedule(CLEAN_UP_QUEUE, '17 * * * *');
  await queue.send(db, CLEAN_UP_QUEUE);
  return startEvents(service, log);
}
