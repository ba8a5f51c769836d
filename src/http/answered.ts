import type { FastifyInstance } from 'fastify';
import { leftAfterMs } from './shortcut.ts';

// Log and metrics take much less time for many answers together than for each by itself.
const TOGETHER_MS = 10;

/** An answered request, for the log and the metrics. */
export interface Answered {
  id: string;
  method: string;
  /** the path of the route, without values */
  route: string;
  status: number;
  ms: number;
  /** when it was answered, milliseconds since 1970 */
  at: number;
  /** of the client */
  address: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    onAnswered: (listener: (answered: Answered[]) => void) => void;
    /** for requests that Fastify does not answer itself */
    noteAnswered: (answered: Answered) => void;
    /** tells the listeners at once what they were not told yet */
    tellAnswered: () => void;
  }
}

/** Lets the log and the metrics listen to all answers. They are told every ten milliseconds. */
export function noteAnswers(app: FastifyInstance): void {
  const listeners: ((answered: Answered[]) => void)[] = [];
  let waiting: Answered[] = [];
  const tell = () => {
    const answered = waiting;
    if (answered.length === 0) return;
    waiting = [];
    for (const listener of listeners) listener(answered);
  };
  const note = (answered: Answered) => {
    if (waiting.length === 0) setTimeout(tell, TOGETHER_MS);
    waiting.push(answered);
  };
  app.decorate('onAnswered', (listener) => void listeners.push(listener));
  app.decorate('noteAnswered', note);
  app.decorate('tellAnswered', tell);
  app.addHook('onClose', async () => tell());
  app.addHook('onRequest', (request, reply, done) => {
    // Fastify does not tell of an answer that the client did not wait for.
    reply.raw.once('close', () => {
      const { id, method, raw, routeOptions, clientAddress: address } = request;
      const status = reply.raw.headersSent ? reply.statusCode : 400;
      const ms = reply.elapsedTime + (leftAfterMs.get(raw) ?? 0);
      const route = routeOptions.url ?? '(none)';
      note({ id, method, route, status, ms, at: Date.now(), address });
    });
    done();
  });
}
