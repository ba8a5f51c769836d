import type { Job, Outcome } from './generator.ts';
import { Worker } from './worker.ts';

/** The process that generates load; one for a whole run, so its code is warm. */
export class LoadGenerator {
  readonly #worker = new Worker<Job, Outcome>('generator.ts');

  /** @throws Error if an answer has an unexpected status */
  async run(job: Job, expectedStatus = '200'): Promise<Outcome> {
    const outcome = await this.#worker.run(job);
    const others = Object.keys(outcome.statuses).filter((status) => status !== expectedStatus);
    if (others.length > 0) {
      throw new Error(`answers were ${JSON.stringify(outcome.statuses)}, not ${expectedStatus}`);
    }
    return outcome;
  }

  stop(): void {
    this.#worker.stop();
  }
}

/** The bytes of a POST request. @param headers one per line */
export function postBytes(path: string, headers: string[], body = ''): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    ...headers,
    ...(body === '' ? [] : ['Content-Type: application/json']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** The bytes of a GET request. @param headers one per line */
export function getBytes(path: string, headers: string[]): string {
  return [`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');
}

/**
 * Addresses of many clients, as a proxy on this machine reports them. Real load comes from many
 * addresses; with one address, its limit would be one contended row.
 */
export function clientAddresses(count: number): string[] {
  return Array.from(
    { length: count },
    (_, n) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
  );
}
