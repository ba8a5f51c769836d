import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that a receiver of webhooks has got. */
export interface Received {
  headers: Record<string, string>;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the event
  event: any;
  atMs: number;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** what it answers; default: 204 */
  answer: (response: ServerResponse) => void;
  stop: () => void;
}

/** An HTTP server that keeps the webhooks it gets. */
export async function startReceiver(): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const headers = request.headers as Record<string, string>;
    receiver.received.push({ headers, body, event: JSON.parse(body), atMs: performance.now() });
    receiver.answer(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  server.unref();
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    received: [],
    answer: (response) => response.writeHead(204).end(),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}
