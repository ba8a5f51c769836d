import { setTimeout as sleep } from 'node:timers/promises';

const SHORTEST_MS = 20;
const LONGEST_MS = 100;

/**
 * Waits until `holds` returns true.
 * @param pollMs the first pause between two questions; later ones grow to a tenth of a second
 * @throws Error after `timeoutMs`
 */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
  pollMs = SHORTEST_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = pollMs; !(await holds()); pauseMs = Math.min(pauseMs * 1.2, LONGEST_MS)) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
    await sleep(pauseMs);
  }
}
