import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OperatorKey } from '../../../domain/access/operator-key.ts';
import {
  authenticateOperators,
  noteOperatorKeys,
} from '../../../domain/access/operator-key-use.ts';
import { billingAccountOf } from '../../../domain/account/account-search.ts';
import { Refusal } from '../../../domain/refusal.ts';
import { bearerKey } from '../../../http/bearer-key.ts';
import { type IsWithin, limitKey, parseNetworks } from '../../../http/client-address.ts';
import { holdRoom } from '../../../http/hold-room.ts';
import { idempotencyKey, once } from '../../../http/idempotency-key.ts';
import { longAnswer } from '../../../http/long-answer.ts';
import { Room } from '../../../http/room.ts';
import type { Service } from '../../../service.ts';
import type { Fields } from './field.ts';
import { MinuteLimit, turnsOfKeys } from './limit.ts';
import { Problem, problemBody, problemOf, requireScope } from './problem.ts';
import { readCall } from './read-call.ts';
import { type Answered, BASE, type Call, type Route } from './route.ts';

const BODY_LIMIT_BYTES = 64 * 1024;
const FILE_LIMIT_BYTES = 8 * 1024 * 1024;
/** memory for the bodies of files at once; of a key half of it. Each takes several times its size. */
const FILES_BYTES = 64 * 1024 * 1024;
// Short enough: the file must still arrive before the server's request timeout.
const FILE_WAIT_MS = 4_000;
/** exports and reports of a key that are sent at once */
const MOST_STREAMS = 2;
const WRONG_KEYS_PER_MINUTE = 20;

declare module 'fastify' {
  interface FastifyRequest {
    operatorKey: OperatorKey | undefined;
  }
}

/** Registers the routes of a list, and the handler of their errors. */
export function registerRoutes(app: FastifyInstance, service: Service, routes: Route[]): void {
  const { db, keyring, config, clock } = service;
  const wrongKeys = new MinuteLimit(WRONG_KEYS_PER_MINUTE);
  const requests = new MinuteLimit(config.operatorLimitPerMinute);
  const inTurn = turnsOfKeys();
  const holdFile = holdRoom(app, new Room(FILES_BYTES, FILE_WAIT_MS));
  const note = noteOperatorKeys(db, (err) => app.log.warn({ err }, 'a key is not noted as used'));
  const authenticate = authenticateOperators(db, keyring);
  const networksOf = new Map<string, IsWithin>();
  app.decorateRequest('operatorKey', undefined);
  app.setErrorHandler<Error>(answerProblem);
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    async (_: FastifyRequest, raw: Buffer) => raw,
  );

  /** The key of a request. @throws Problem, Refusal 'unauthorized' */
  const identify = async (request: FastifyRequest): Promise<OperatorKey> => {
    const from = limitKey(request.clientAddress);
    wrongKeys.check(from);
    const secret = bearerKey(request.headers.authorization);
    const key = await authenticate(secret, clock()).catch((error) => {
      if (error instanceof Refusal && error.code === 'unauthorized') wrongKeys.count(from);
      throw error;
    });
    if (!isWithin(key, request.clientAddress)) {
      throw new Problem(403, 'network_not_allowed', `Not from ${request.clientAddress}`);
    }
    return key;
  };
  const isWithin = ({ networks }: OperatorKey, address: string): boolean => {
    if (networks.length === 0) return true;
    const name = networks.join(' ');
    const known = networksOf.get(name) ?? parseNetworks(networks);
    networksOf.set(name, known);
    return known(address);
  };

  for (const definition of routes) {
    const { method, path, scope } = definition;
    const url = path.replace(/\{(\w+)\}/g, ':$1');
    app.route({
      method,
      url,
      bodyLimit: definition.file ? FILE_LIMIT_BYTES : BODY_LIMIT_BYTES,
      onRequest: async (request, reply) => {
        reply.header('x-request-id', request.id);
        const key = await identify(request);
        reply.headers(requests.count(key.id));
        if (scope !== null) requireScope(key, scope);
        request.operatorKey = key;
        note(key, request.clientAddress, clock());
        if (definition.file) {
          const bytes = Number(request.headers['content-length'] ?? FILE_LIMIT_BYTES);
          await holdFile(request, key.id, Math.min(bytes, FILE_LIMIT_BYTES));
        }
      },
      handler: async (request, reply) => {
        const key = request.operatorKey as OperatorKey;
        const answer = await inTurn(key.id, () =>
          perform(service, definition, request, reply, key),
        );
        reply.code(answer.status).headers({ 'cache-control': 'no-store', ...answer.headers });
        if (answer.stream) {
          return reply.send(await longAnswer(request, key.id, answer.stream, MOST_STREAMS));
        }
        if (answer.body === undefined) return reply.send();
        return reply
          .type(answer.headers?.['content-type'] ?? 'application/json; charset=utf-8')
          .send(answer.body);
      },
    });
  }
}

/** An answer in the form in which it is sent and kept. */
type Text = Omit<Answered, 'body'> & { body?: string };

async function perform(
  service: Service,
  definition: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  key: OperatorKey,
): Promise<Text> {
  const call = await readCall(service, definition, request, key);
  const handle = async (tools: Service): Promise<Text> => {
    const asked = { ...call, service: tools };
    const { body, ...answer } = await definition
      .handle(asked)
      .catch(async (error) => Promise.reject(await ofClosed(definition, asked, error)));
    if (body === undefined) return answer;
    return { ...answer, body: typeof body === 'string' ? body : JSON.stringify(body) };
  };
  const { method, path, idempotency, isNatural } = definition;
  const mayRepeat = !isNatural && (method === 'POST' || method === 'PATCH');
  if (!mayRepeat && idempotency !== 'required') return handle(service);
  if (idempotency === 'required' && idempotencyKey(request) === undefined) {
    const detail = 'Send a header Idempotency-Key that no other request has';
    throw new Problem(400, 'idempotency_key_required', detail);
  }
  const { params, query, body } = call;
  const file = createHash('sha256').update(call.file.bytes).digest('hex');
  const content = JSON.stringify([params, query, body, file]);
  const keyed = { scope: `${method} ${path} of ${key.id}`, content };
  const kept = await once(request, reply, service, keyed, async (joined) => {
    const answer = await handle(joined);
    return { ...answer, body: answer.body ?? '' };
  });
  return kept.body === '' ? { status: kept.status, headers: kept.headers ?? {} } : { ...kept };
}

/** If a change failed because the account is closed, the problem says so; reads are unchanged. */
async function ofClosed(
  { method }: Route,
  { service, params, body }: Pick<Call<Fields, Fields, Fields>, 'service' | 'params' | 'body'>,
  error: unknown,
): Promise<unknown> {
  const { account: named } = body as { account?: number };
  const { username = named } = params as { username?: number };
  const isMissing = error instanceof Refusal && error.code === 'not found';
  if (method === 'GET' || username === undefined || !isMissing) return error;
  const account = await billingAccountOf(service.db, username);
  if (!account?.isClosed) return error;
  return new Problem(409, 'account_closed', `${username} is closed`);
}

/** Answers any error. An error of the service itself is logged; the client gets no details. */
function answerProblem(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (!problem) request.log.error({ err: error }, 'internal error');
  else if (problem.status === 503) {
    request.log.error({ err: error.cause }, 'the database is not available');
  }
  return sendProblem(request, reply, problem ?? new Problem(500, 'internal', 'Internal error'));
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply
    .code(problem.status)
    .headers({ ...problem.headers, 'cache-control': 'no-store', 'x-request-id': request.id })
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problemBody(problem, request.id)));
}

/** Answers paths that no route has, or not with this method. */
export function answerNoRoute(routes: Route[]) {
  const patterns = routes.map(({ method, path }) => {
    const pattern = path.replace(/\{\w+\}/g, '[^/]+');
    return { method, pattern: new RegExp(`^${BASE}${pattern}$`) };
  });
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const [path = ''] = request.url.split('?');
    const known = patterns.filter(({ pattern }) => pattern.test(path));
    const allow = [...new Set(known.map(({ method }) => method))].join(', ');
    // The path has the method, but in another spelling, so it is unknown.
    if (known.length === 0 || known.some(({ method }) => method === request.method)) {
      return sendProblem(request, reply, new Problem(404, 'not_found', 'There is no such path'));
    }
    const detail = `The path has ${allow}`;
    return sendProblem(
      request,
      reply,
      new Problem(405, 'method_not_allowed', detail, { headers: { allow } }),
    );
  };
}
