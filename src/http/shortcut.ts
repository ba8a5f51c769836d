import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';

/**
 * Answers a POST request without Fastify, as its route does: it calls `send` with the answer and
 * the client's address. Or it calls `next` with the address, and Fastify answers.
 */
export type Shortcut = (
  request: IncomingMessage,
  next: (address: string) => void,
  send: (answer: ShortAnswer, address: string) => void,
) => Promise<void>;

interface ShortAnswer {
  status: number;
  body: string;
  /** besides those of all answers of the shortcut */
  headers?: OutgoingHttpHeaders;
}

interface Way {
  shortcut: Shortcut;
  /** of its answers */
  headers: OutgoingHttpHeaders;
  /** the path of the route, without values; left out: the request's path */
  route?: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** by the request's whole path */
    shortcuts: Map<string, Way>;
  }
}

/** How long a shortcut took before it left a request to Fastify. */
export const leftAfterMs = new WeakMap<IncomingMessage, number>();

/** Lets routes have shortcuts. */
export function allowShortcuts(app: FastifyInstance): void {
  const { server } = app;
  const shortcuts = new Map<string, Way>();
  app.decorate('shortcuts', shortcuts);
  const [answer] = server.listeners('request') as [RequestListener];
  server.removeListener('request', answer);
  server.on('request', (request, response) => {
    const { method = '', url = '' } = request;
    const way = method === 'POST' ? shortcuts.get(url) : undefined;
    // Fastify closes the connections of a server that stops.
    if (!way || !server.listening) {
      answer(request, response);
      return;
    }
    const beganAt = performance.now();
    const note = (status: number, address: string) => {
      const ms = performance.now() - beganAt;
      const { route = url } = way;
      const id = randomUUID();
      app.noteAnswered({ id, method, route, status, ms, at: Date.now(), address });
    };
    const next = (address: string) => {
      // Fastify does not notice that the client has left already.
      if (response.destroyed) note(400, address);
      else {
        leftAfterMs.set(request, performance.now() - beganAt);
        answer(request, response);
      }
    };
    const send = ({ status, body, headers }: ShortAnswer, address: string) => {
      // Where the client has left, its response would emit an error.
      if (!response.destroyed) {
        const length = Buffer.byteLength(body);
        // As Fastify does: a server that stops waits for its connections.
        if (!server.listening) response.shouldKeepAlive = false;
        response.writeHead(status, { ...way.headers, ...headers, 'content-length': length });
        response.end(body);
      }
      note(status, address);
    };
    // Fastify tells what fails before the body is read. Nothing may end the process.
    way.shortcut(request, next, send).catch(() => {
      if (!response.headersSent) next('');
    });
  });
}
