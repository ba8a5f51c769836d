import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Gatherer } from '../db/gather.ts';
import { announceFailedMails } from '../domain/account/mail-queue.ts';
import { announceRecords } from '../domain/calls/rejected-record.ts';
import { notifyAdministrators } from '../domain/mail/message.ts';
import {
  AT_ONCE,
  type Delivered,
  dueDeliveries,
  endpointsWithDue,
  type Inform,
  noteDelivered,
  noteFailed,
} from '../domain/webhook/delivery.ts';
import { secretsOf } from '../domain/webhook/endpoint.ts';
import {
  becomeSender,
  hasNewEvents,
  numberEvents,
  retireSender,
} from '../domain/webhook/event-log.ts';
import type { Service } from '../service.ts';
import { systemResolve } from '../webhook/allowed-address.ts';
import { sendWebhook } from '../webhook/send.ts';

const PAUSE_MS = 500;
const ROUNDS = 10;
const TURN_MS = 5_000;
const PAUSE_AFTER_ERROR_MS = 2_000;
const ANNOUNCE_MS = 60_000;
const READ_ANEW_MS = 500;
/** after an outage, four deliveries in this time: 20 a second */
const RECOVERY_PAUSE_MS = 200;

/**
 * Numbers events as they are committed and sends them to the endpoints. One process of the service
 * does it; after its end another one takes over within 15 seconds. Each endpoint has its own turn,
 * so a slow one does not delay the others.
 * @returns stops it
 */
export function startEvents(
  service: Service,
  log: Logger,
  resolve = systemResolve,
): () => Promise<void> {
  const { db, queue, keyring, config, clock } = service;
  const sender = randomUUID();
  const stopping = new AbortController();
  const { signal } = stopping;
  const sending = new Map<number, Promise<void>>();
  let [turnMs, announcedMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let isSender = false;
  const inform: Inform = (tx, { url, since, isDisabled, error }) =>
    notifyAdministrators(tx, queue, {
      kind: isDisabled ? 'webhook disabled' : 'webhook failing',
      ...{ url, since: since.toISOString(), error },
    });

  /** Sends what is due to an endpoint, until nothing is left or it fails. */
  const sendTo = async (id: number) => {
    const tools = { clock, allow: config.webhookAllow, resolve, signal };
    // Those that end while others are noted are noted together.
    const delivered = new Gatherer(async (some: Delivered[]) => {
      await noteDelivered(db, id, some, clock());
      return some;
    });
    for (;;) {
      const began = performance.now();
      const due = await dueDeliveries(db, id, clock());
      if (!due || signal.aborted) return;
      const { url, isRecovering, deliveries } = due;
      const secrets = await secretsOf(db, keyring, id, clock());
      const readAt = performance.now();
      let hasFailed = false;
      const sendNext = async (): Promise<void> => {
        // After a failure or some time the endpoint is read anew: it may be disabled, or have a new secret.
        const mayGoOn = !hasFailed && performance.now() - readAt < READ_ANEW_MS;
        const next = mayGoOn ? deliveries.shift() : undefined;
        if (!next || signal.aborted) return;
        const { sequence, tries, event } = next;
        const outcome = await sendWebhook(tools, { url, secrets }, event);
        if (outcome.error === null) await delivered.ask({ sequence, outcome });
        else {
          hasFailed = true;
          const delivery = { endpoint: id, sequence, tries };
          await noteFailed(db, delivery, outcome, { inform, now: clock() });
        }
        return sendNext();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
      if (isRecovering) await sleep(Math.max(0, RECOVERY_PAUSE_MS - (performance.now() - began)));
    }
  };
  const step = async () => {
    if (performance.now() - turnMs > TURN_MS) {
      isSender = await becomeSender(db, sender);
      turnMs = performance.now();
    }
    if (!isSender) return;
    if (performance.now() - announcedMs > ANNOUNCE_MS) {
      announcedMs = performance.now();
      await announceRecords(db, clock());
      await announceFailedMails(db, queue, clock());
    }
    // Not without end: what is numbered must be sent meanwhile.
    for (let n = 0; n < ROUNDS && (await hasNewEvents(db)); n++) await numberEvents(db, clock());
    for (const id of await endpointsWithDue(db, clock())) {
      if (sending.has(id)) continue;
      const turn = sendTo(id)
        .catch((err) => signal.aborted || log.error({ err, webhook: id }, 'webhooks are not sent'))
        .finally(() => sending.delete(id));
      sending.set(id, turn as Promise<void>);
    }
  };
  const run = async () => {
    while (!signal.aborted) {
      const failed = await step().then(
        () => false,
        (err) => {
          log.error({ err }, 'events are not numbered');
          return true;
        },
      );
      const pauseMs = failed ? PAUSE_AFTER_ERROR_MS : PAUSE_MS;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(sending.values());
    await retireSender(db, sender).catch(() => undefined);
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
