/**
 * A module that a test loads into the service. It measures the turns of the event loop by their CPU
 * time, which other work on the machine does not change, and the memory. SIGUSR2 makes it print
 * both since the last signal.
 */
export interface Turns {
  /** the n-th answer */
  n: number;
  /** CPU time of the longest turn, with at most a millisecond of others */
  longestMs: number;
  mostBytes: number;
}

const MEMORY_EVERY = 16;

let n = 0;
let longestMs = 0;
let mostBytes = 0;
let ticks = 0;
let last = process.threadCpuUsage();

setInterval(() => {
  const used = process.threadCpuUsage(last);
  last = process.threadCpuUsage();
  longestMs = Math.max(longestMs, (used.user + used.system) / 1_000);
  if (ticks++ % MEMORY_EVERY === 0) mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
}, 1).unref();

process.on('SIGUSR2', () => {
  n++;
  console.log(`turns ${JSON.stringify({ n, longestMs, mostBytes } satisfies Turns)}`);
  longestMs = 0;
  mostBytes = process.memoryUsage.rss();
});
