import type { FastifyInstance } from 'fastify';
import { leftAfterMs } from './shortcut.ts';

/** An answered request, for the log and the metrics. */
export interface Answered {
  id: string;
  method: string;
  /** the path of the route, without values */
  route: string;
  status: number;
  ms: number;
  /** of the client */
  address: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    onAnswered: (listener: (answered: Answered) => void) => void;
    /** for requests that Fastify does not answer itself */
    noteAnswered: (answered: Answered) => void;
  }
}

/** Lets the log and the metrics listen to all answers. */
export function noteAnswers(app: FastifyInstance): void {
  const listeners: ((answered: Answered) => void)[] = [];
  const note = (answered: Answered) => {
    for (const listener of listeners) listener(answered);
  };
  app.decorate('onAnswered', (listener) => void listeners.push(listener));
  app.decorate('noteAnswered', note);
  app.addHook(
    'onResponse',
    ({ id, method, raw, routeOptions, clientAddress: address }, reply, done) => {
      const { statusCode: status, elapsedTime } = reply;
      const ms = elapsedTime + (leftAfterMs.get(raw) ?? 0);
      note({ id, method, route: routeOptions.url ?? '(none)', status, ms, address });
      done();
    },
  );
}
