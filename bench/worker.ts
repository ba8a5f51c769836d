import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A process that does one job after another and reports each outcome. */
export class Worker<Job extends object, Outcome> {
  readonly #child: ChildProcess;

  constructor(script: string) {
    this.#child = fork(new URL(script, import.meta.url));
  }

  async run(job: Job): Promise<Outcome> {
    this.#child.send(job);
    const ended = new AbortController();
    const outcome = await Promise.race([
      once(this.#child, 'message', ended).then(([message]) => message as Outcome),
      once(this.#child, 'exit', ended).then(() => {
        throw new Error('a worker ended');
      }),
    ]);
    ended.abort();
    return outcome;
  }

  stop(): void {
    this.#child.kill();
  }
}
