import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { announceRejected } from '../domain/calls/rejected-record.ts';
import {
  becomeSender,
  hasNewEvents,
  numberEvents,
  retireSender,
} from '../domain/webhook/event-log.ts';
import type { Service } from '../service.ts';

const PAUSE_MS = 500;
const TURN_MS = 5_000;
const ANNOUNCE_MS = 60_000;

/**
 * Numbers events as they are committed. One process of the service does it; after its end another
 * one takes over within 15 seconds.
 * @returns stops it
 */
export function startEvents(service: Service, log: Logger): () => Promise<void> {
  const { db, clock } = service;
  const sender = randomUUID();
  const stopping = new AbortController();
  let [turnMs, announcedMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let isSender = false;
  const step = async () => {
    if (performance.now() - turnMs > TURN_MS) {
      isSender = await becomeSender(db, sender);
      turnMs = performance.now();
    }
    if (!isSender) return;
    if (performance.now() - announcedMs > ANNOUNCE_MS) {
      announcedMs = performance.now();
      await announceRejected(db, clock());
    }
    while (await hasNewEvents(db)) await numberEvents(db, clock());
  };
  const run = async () => {
    while (!stopping.signal.aborted) {
      await step().catch((err) => log.error({ err }, 'events are not numbered'));
      await sleep(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    await retireSender(db, sender).catch(() => undefined);
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
  };
}
