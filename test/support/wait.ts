import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Waits until `holds` returns true. @throws Error after `timeoutMs` */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
  pollMs = POLL_MS,
): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await holds()); await sleep(pollMs)) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
  }
}
