import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { accountApi } from './api/v2.1/index.ts';
import { logRequests } from './http/access-log.ts';
import { answerClientError, answerUnusualRequests } from './http/broken-request.ts';
import { answerErrors, answerStatus } from './http/failures.ts';
import { serveHealth } from './http/health.ts';
import { allowLongAnswers } from './http/long-answer.ts';
import { gatherOpenapi, serveOpenapi } from './http/openapi.ts';
import { plainEnvelope } from './http/plain-envelope.ts';
import { decorateRequests, ONE_SPELLING } from './http/request.ts';
import { addSecurityHeaders, setSecurityHeaders } from './http/security-headers.ts';
import { serveSecurityTxt } from './http/security-txt.ts';
import { VALIDATION } from './http/validation.ts';
import { ingest } from './ingest/routes.ts';
import { notFoundPage, wantsPage } from './portal/error-page.ts';
import { portal } from './portal/index.ts';
import type { Service } from './service.ts';

// Looked for once a second, so that nobody has more than ten.
const SLOW_SENDER_MS = 9_000;
const CHECK_EVERY_MS = 1_000;
const HEADER_LIMIT_BYTES = 16 * 1024;
const METHODS = ['GET', 'POST'] as const;

/** Builds the HTTP server: every route, and what all routes share. */
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
      // Told by `decorateRequests` instead, in a form that clients understand.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    // While it stops it still answers what arrives on open connections, and closes them by that.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      addSecurityHeaders(reply);
      answerErrors(plainEnvelope)(error, request, reply);
    },
    ajv: { customOptions: VALIDATION },
  });
  answerUnusualRequests(app.server);
  // Answers are JSON text already; their schemas are for the document.
  app.setSerializerCompiler(() => JSON.stringify);
  // Each group of routes reads the media types of its own; elsewhere no body is read at all.
  app.removeAllContentTypeParsers();
  app.setErrorHandler(answerErrors(plainEnvelope));
  const answerNotFoundPage = notFoundPage(service);
  app.setNotFoundHandler(async (request, reply) => {
    const [path = '', query] = request.url.split('?');
    const isSpelled = ONE_SPELLING.test(request.url);
    const allowed = METHODS.filter((method) => isSpelled && app.findRoute({ method, url: path }));
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    const status = allowed.length > 0 ? 405 : 404;
    const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`;
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
  decorateRequests(app, service.config);
  allowLongAnswers(app);
  setSecurityHeaders(app, service.config.publicUrl?.startsWith('https:') ?? false);
  logRequests(app, log);
  serveHealth(app, service);
  serveSecurityTxt(app, service);
  await gatherOpenapi(app);
  await app.register(accountApi, service);
  await app.register(ingest, service);
  await app.register(portal, service);
  await serveOpenapi(app);
  return app;
}
