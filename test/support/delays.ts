import { monitorEventLoopDelay } from 'node:perf_hooks';

// An answer waits for the client, the service and the client again.
const TURNS = 3;

/**
 * Watches how long this process waits for a processor. On a busy machine the service waits as long,
 * so a limit of elapsed time allows this much more. On a machine with nothing else to do it is
 * about nothing.
 * @returns the milliseconds to allow for what has happened since
 */
export function watchDelays(): () => number {
  const delay = monitorEventLoopDelay();
  delay.enable();
  return () => (TURNS * delay.max) / 1e6;
}
