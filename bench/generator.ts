import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';

/**
 * The load generator. It is a separate process, so it takes no time from the measured service. For
 * small answers it writes prepared bytes to sockets and reads only status and length.
 */
export type Job =
  | {
      kind: 'seconds';
      /** for several processes: each gets the same number of connections */
      port: number | number[];
      connections: number;
      seconds: number;
      requests: string[];
    }
  | { kind: 'once'; port: number | number[]; connections: number; requests: string[] }
  | { kind: 'read'; port: number; readers: number; requests: Read[] };

export interface Read {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface Outcome {
  requests: number;
  /** from the first byte sent to the last one received */
  seconds: number;
  statuses: Record<string, number>;
  bytes: number;
  medianMs: number;
  p99Ms: number;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

process.on('message', async (job: Job) => {
  process.send?.(await run(job));
});

async function run(job: Job): Promise<Outcome> {
  const tally = new Tally();
  if (job.kind === 'read') {
    const agent = new Agent({ keepAlive: true });
    await Promise.all(
      Array.from({ length: job.readers }, async (_, n) => {
        for (let at = n; at < job.requests.length; at += job.readers) {
          await readWhole(job.port, job.requests[at] as Read, agent, tally);
        }
      }),
    );
    agent.destroy();
  } else {
    const requests = job.requests.map((text) => Buffer.from(text));
    let next = 0;
    const deadline = job.kind === 'seconds' ? Date.now() + job.seconds * 1_000 : Infinity;
    const take = () => {
      if (job.kind === 'once') return requests[next++];
      return Date.now() < deadline ? requests[next++ % requests.length] : undefined;
    };
    const ports = [job.port].flat();
    const sockets = await Promise.all(
      Array.from({ length: job.connections }, (_, n) => open(ports[n % ports.length] as number)),
    );
    tally.restart();
    await Promise.all(sockets.map((socket) => drive(socket, take, tally)));
  }
  return tally.outcome();
}

class Tally {
  #began = performance.now();
  #ended = this.#began;
  readonly #milliseconds: number[] = [];
  readonly #statuses: Record<string, number> = {};
  #bytes = 0;

  restart(): void {
    this.#began = performance.now();
  }

  add(status: string, bytes: number, sentAt: number): void {
    this.#ended = performance.now();
    this.#milliseconds.push(this.#ended - sentAt);
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    this.#bytes += bytes;
  }

  outcome(): Outcome {
    const sorted = this.#milliseconds.sort((a, b) => a - b);
    const quantile = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return {
      requests: sorted.length,
      seconds: (this.#ended - this.#began) / 1_000,
      statuses: this.#statuses,
      bytes: this.#bytes,
      medianMs: quantile(0.5),
      p99Ms: quantile(0.99),
    };
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** One request at a time on a connection; the answers must state their length. */
function drive(socket: Socket, take: () => Buffer | undefined, tally: Tally): Promise<void> {
  return new Promise((resolve, reject) => {
    let pending: Buffer | undefined;
    let sentAt = 0;
    const send = () => {
      const bytes = take();
      if (!bytes) {
        socket.destroy();
        resolve();
        return;
      }
      sentAt = performance.now();
      socket.write(bytes);
    };
    socket.on('data', (chunk) => {
      pending = pending ? Buffer.concat([pending, chunk]) : chunk;
      const headEnd = pending.indexOf(END_OF_HEAD);
      if (headEnd === -1) return;
      const head = pending.toString('latin1', 0, headEnd);
      const at = head.search(/\r\ncontent-length: /i);
      if (at === -1) {
        reject(new Error(`an answer without its length: ${head}`));
        return;
      }
      const length = headEnd + 4 + Number.parseInt(head.slice(at + 18), 10);
      if (pending.length < length) return;
      tally.add(head.slice(9, 12), pending.length, sentAt);
      pending = undefined;
      send();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed')));
    send();
  });
}

async function readWhole(port: number, read: Read, agent: Agent, tally: Tally): Promise<void> {
  const sentAt = performance.now();
  const outgoing = request({
    port,
    host: '127.0.0.1',
    method: read.method,
    path: read.path,
    headers: read.headers,
    agent,
  });
  outgoing.end(read.body);
  const [answer] = await once(outgoing, 'response');
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(answer, 'end');
  tally.add(String(answer.statusCode), bytes, sentAt);
}
