import { Presets, SingleBar } from 'cli-progress';

/** The progress of a long command, on standard error, so that its output stays clean. */
export interface Progress {
  /** @param done how many of the total */
  update: (done: number) => void;
  stop: () => void;
}

const LINE_EVERY_MS = 2_000;

/**
 * A bar on a terminal, a line from time to time elsewhere, nothing with `--json`.
 * @param noun the counted things, in the plural
 * @param total 0 if it is not known
 */
export function startProgress(noun: string, total: number, { json }: { json?: boolean }): Progress {
  if (json) return { update: () => undefined, stop: () => undefined };
  return process.stderr.isTTY && total > 0 ? bar(noun, total) : lines(noun, total);
}

/** Does work with its progress, which ends with it, also where it fails. */
export async function withProgress<T>(
  noun: string,
  total: number,
  options: { json?: boolean },
  work: (update: Progress['update']) => Promise<T>,
): Promise<T> {
  const progress = startProgress(noun, total, options);
  try {
    return await work(progress.update);
  } finally {
    progress.stop();
  }
}

function bar(noun: string, total: number): Progress {
  const format = `{bar} {percentage}% | {value} of {total} ${noun} | {eta_formatted}`;
  const single = new SingleBar({ format, stream: process.stderr }, Presets.shades_classic);
  single.start(total, 0);
  return { update: (done) => single.update(done), stop: () => single.stop() };
}

function lines(noun: string, total: number): Progress {
  let saidAt = Date.now();
  return {
    update: (done) => {
      if (Date.now() - saidAt < LINE_EVERY_MS) return;
      saidAt = Date.now();
      console.error(total > 0 ? `${done} of ${total} ${noun}` : `${done} ${noun}`);
    },
    stop: () => undefined,
  };
}
