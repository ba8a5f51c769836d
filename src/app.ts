import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { operatorEnvelope } from './api/operator/framework/problem.ts';
import { answerNoOperatorRoute, operatorApi } from './api/operator/index.ts';
import { accountApi } from './api/v2.1/index.ts';
import { face as v22 } from './api/v2.2/face.ts';
import { accountApiV22 } from './api/v2.2/index.ts';
import { logRequests } from './http/access-log.ts';
import { noteAnswers } from './http/answered.ts';
import { answerClientErrors, answerUnusualRequests } from './http/broken-request.ts';
import { answerErrors, answerStatus } from './http/failures.ts';
import { serveHealth } from './http/health.ts';
import { allowLongAnswers } from './http/long-answer.ts';
import { plainEnvelope } from './http/plain-envelope.ts';
import { decorateRequests, ONE_SPELLING } from './http/request.ts';
import { addSecurityHeaders, isTls, setSecurityHeaders } from './http/security-headers.ts';
import { serveSecurityTxt } from './http/security-txt.ts';
import { allowShortcuts } from './http/shortcut.ts';
import { COMPILERS } from './http/validation.ts';
import { ingest } from './ingest/routes.ts';
import { notFoundPage, wantsPage } from './portal/error-page.ts';
import { portal } from './portal/index.ts';
import type { Service } from './service.ts';

// Checked once a second, so a slow sender has at most ten seconds.
const SLOW_SENDER_MS = 9_000;
const CHECK_EVERY_MS = 1_000;
const HEADER_LIMIT_BYTES = 16 * 1024;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const UNDER_V22 = /^(?:https?:\/\/[^/?#]*)?\/v2\.2(?:[/?]|$)/i;
const UNDER_OPERATOR = /^(?:https?:\/\/[^/?#]*)?\/operator\/v1(?:[/?]|$)/i;

/** The form of errors for a URL, with or without a route. */
const envelopeOf = (url: string) => {
  if (UNDER_OPERATOR.test(url)) return operatorEnvelope;
  return UNDER_V22.test(url) ? v22 : plainEnvelope;
};

/** Builds the HTTP server: all routes and their common parts. */
export async function buildApp(service: Service, log: Logger): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: () => randomUUID(),
    requestTimeout: SLOW_SENDER_MS,
    http: {
      headersTimeout: SLOW_SENDER_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      maxHeaderSize: HEADER_LIMIT_BYTES,
      // `decorateRequests` answers this error instead, in a form that clients understand.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    // While the server stops, it still answers requests on open connections; these answers close
    // them.
    return503OnClosing: false,
    clientErrorHandler: answerClientErrors(envelopeOf),
    frameworkErrors: (error, request, reply) => {
      addSecurityHeaders(reply);
      answerErrors(envelopeOf(request.url))(error, request, reply);
    },
    schemaController: { compilersFactory: COMPILERS },
  });
  allowShortcuts(app);
  answerUnusualRequests(app.server, envelopeOf);
  // Each group of routes registers its own media types; other routes read no body.
  app.removeAllContentTypeParsers();
  app.setErrorHandler<Error>((error, request, reply) =>
    answerErrors(envelopeOf(request.url))(error, request, reply),
  );
  const answerNotFoundPage = notFoundPage(service);
  app.setNotFoundHandler(async (request, reply) => {
    if (UNDER_OPERATOR.test(request.url)) return answerNoOperatorRoute(request, reply);
    const [path = '', query] = request.url.split('?');
    const isSpelled = ONE_SPELLING.test(request.url);
    const allowed = METHODS.filter((method) => isSpelled && app.findRoute({ method, url: path }));
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    const status = allowed.length > 0 ? 405 : 404;
    const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
    const envelope = envelopeOf(request.url);
    if (envelope !== plainEnvelope) return answerStatus(envelope, reply, status);
    const isRead = status === 404 && request.method === 'GET' && isSpelled;
    if (isRead && app.findRoute({ method: 'GET', url: other })) {
      return reply.redirect(query === undefined ? other : `${other}?${query}`, 308);
    }
    if (status === 404 && wantsPage(request)) return answerNotFoundPage(request, reply);
    return answerStatus(plainEnvelope, reply, status);
  });

  app.addHook('onSend', (_request, reply, payload, done) => {
    if (!app.server.listening) reply.header('connection', 'close');
    done(null, payload);
  });
  noteAnswers(app);
  decorateRequests(app, service.config);
  allowLongAnswers(app);
  setSecurityHeaders(app, isTls(service.config));
  logRequests(app, log);
  serveHealth(app, service);
  serveSecurityTxt(app, service);
  app.decorate('documents', []);
  await app.register(accountApi, service);
  await app.register(accountApiV22, service);
  await app.register(operatorApi, service);
  await app.register(ingest, service);
  await app.register(portal, service);
  return app;
}
