import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OperatorKey } from '../../domain/access/operator-key.ts';
import { authenticateOperators, noteOperatorKeys } from '../../domain/access/operator-key-use.ts';
import { payerOf } from '../../domain/account/account-search.ts';
import type { Actor } from '../../domain/audit.ts';
import { Refusal } from '../../domain/refusal.ts';
import { bearerKey } from '../../http/bearer-key.ts';
import { type IsWithin, limitKey, parseNetworks } from '../../http/client-address.ts';
import { idempotencyKey, once } from '../../http/idempotency-key.ts';
import { longAnswer } from '../../http/long-answer.ts';
import { parseStrictJson } from '../../http/strict-json.ts';
import type { Service } from '../../service.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { type Fault, type Fields, readFields } from './field.ts';
import { MinuteLimit, turnsOfKeys } from './limit.ts';
import { invalidValues, Problem, problemBody, problemOf } from './problem.ts';
import { type Answered, BASE, type Call, type Route } from './route.ts';

const BODY_LIMIT_BYTES = 64 * 1024;
const FILE_LIMIT_BYTES = 8 * 1024 * 1024;
const UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024;
const MOST_LEVELS = 10;
/** exports and reports of a key that are sent at once */
const MOST_STREAMS = 2;
const WRONG_KEYS_PER_MINUTE = 20;
const MEDIA_TYPES = ['application/json', 'application/merge-patch+json'];
const ACTING_USER = /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/;

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
        if (scope !== null && !key.scopes.includes(scope)) {
          throw new Problem(403, 'scope_required', `The key lacks ${scope}`, { about: { scope } });
        }
        request.operatorKey = key;
        note(key, request.clientAddress, clock());
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
  { service, params }: Pick<Call<Fields, Fields, Fields>, 'service' | 'params'>,
  error: unknown,
): Promise<unknown> {
  const { username } = params as { username?: number };
  const isMissing = error instanceof Refusal && error.code === 'not found';
  if (method === 'GET' || username === undefined || !isMissing) return error;
  const account = await payerOf(service.db, username);
  if (!account?.isClosed) return error;
  return new Problem(409, 'account_closed', `${username} is closed`);
}

/** Reads all values of a request. @throws Problem with all faults */
async function readCall(
  service: Service,
  definition: Route,
  request: FastifyRequest,
  key: OperatorKey,
): Promise<Call<Fields, Fields, Fields>> {
  const faults: Fault[] = [];
  const accepted = acceptedType(request, definition);
  const params = readParams(definition, request);
  const reach = key.accounts.length > 0 ? key.accounts : undefined;
  if (reach && typeof params.username === 'number')
    await requireReach(service, reach, params.username);
  const query = readQuery(definition, request, faults);
  // Only lists have cursors.
  const isList = definition.query !== undefined && Object.hasOwn(definition.query, 'cursor');
  const list = isList ? listOf(definition, request) : '';
  const cursor = (query as { cursor?: string }).cursor;
  const after = cursor === undefined ? undefined : readCursor(service.keyring, list, cursor);
  if (cursor !== undefined && after === undefined) {
    faults.push({
      pointer: '/cursor',
      code: 'cursor_mismatch',
      detail: 'Must be `next` of a page with the same filters',
    });
  }
  const bytes = await contentOf(definition, request);
  const body = readBody(definition, request, bytes, faults);
  if (faults.length > 0) throw invalidValues(faults);
  const type =
    String(request.headers['content-type'] ?? '')
      .split(';')[0]
      ?.trim()
      .toLowerCase() ?? '';
  return {
    service,
    key,
    actor: actorOf(request, key),
    now: service.clock(),
    reach,
    params,
    query,
    body,
    file: { bytes, type },
    headers: request.headers,
    accepted,
    after,
    cursor: (position) => writeCursor(service.keyring, list, position),
    address: isList ? addressOf(request) : '',
  };
}

/** @throws Problem 404, because a value that is not valid names nothing that exists */
function readParams({ params = {} }: Route, request: FastifyRequest) {
  const faults: Fault[] = [];
  const values = readFields(params, request.params as Record<string, unknown>, '', faults);
  if (faults.length > 0) throw new Problem(404, 'not_found', faults[0]?.detail ?? '');
  return values;
}

function readQuery({ query = {} }: Route, request: FastifyRequest, faults: Fault[]) {
  const given = { ...(request.query as Record<string, string | string[]>) };
  for (const [name, value] of Object.entries(given)) {
    const field = Object.hasOwn(query, name) ? query[name] : undefined;
    if (field?.isRepeatable) given[name] = [value].flat();
    else if (field && Array.isArray(value)) {
      faults.push({ pointer: `/${name}`, code: 'invalid_value', detail: 'Must be given once' });
      given[name] = value[0] ?? '';
    }
  }
  return readFields(query, given, '', faults);
}

const gunzipAsync = promisify(gunzip);

/** The bytes of a body. A file may be packed. @throws Problem 400, 413, 415 */
async function contentOf({ file }: Route, { body, headers }: FastifyRequest): Promise<Buffer> {
  const raw = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const encoding = (headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding === 'identity') return raw;
  if (!file || encoding !== 'gzip') {
    const detail = `Content-Encoding must be ${file ? 'gzip or identity' : 'left out'}`;
    throw new Problem(415, 'unsupported_media_type', detail);
  }
  // A route that takes gzip as such unpacks it as it reads.
  if (file.includes('application/gzip')) return raw;
  return gunzipAsync(raw, { maxOutputLength: UNPACKED_LIMIT_BYTES }).catch((error) => {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isLarge
      ? new Problem(413, 'too_large', 'The unpacked body has more than 64 MiB')
      : new Problem(400, 'malformed', 'The gzip is damaged');
  });
}

function readBody(definition: Route, request: FastifyRequest, raw: Buffer, faults: Fault[]) {
  const { body, file, bodyIsOptional } = definition;
  const [type = ''] = String(request.headers['content-type'] ?? '')
    .toLowerCase()
    .split(/\s*;/);
  if (file || (raw.length > 0 && !MEDIA_TYPES.includes(type))) {
    const allowed = file ?? MEDIA_TYPES;
    if (!allowed.includes(type)) {
      throw new Problem(415, 'unsupported_media_type', `Must be ${allowed.join(' or ')}`);
    }
    return {};
  }
  if (raw.length === 0 && (!body || bodyIsOptional)) return {};
  const value = raw.length === 0 ? {} : parseStrictJson(raw, { mostLevels: MOST_LEVELS });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem(400, 'malformed', 'The body must be a JSON object');
  }
  return readFields(body ?? {}, value as Record<string, unknown>, '', faults);
}

/** @throws Problem 404 for an account that the key may not use */
async function requireReach({ db }: Service, reach: number[], username: number): Promise<void> {
  const found = await payerOf(db, username);
  if (found && reach.includes(found.payer)) return;
  throw new Problem(404, 'not_found', `There is no account ${username}`);
}

/**
 * The media type of an answer that a client prefers (RFC 9110, section 12.5.1).
 * @throws Problem 406 for a client that accepts none
 */
function acceptedType(
  { headers: { accept = '*/*' } }: FastifyRequest,
  { answers, produces = ['application/json'] }: Route,
): string {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((one) => one.startsWith('q='))?.slice(2);
    return { type, weight: Number(weight ?? 1) };
  });
  const weightOf = (type: string) => {
    const [family] = type.split('/');
    const found = [type, `${family}/*`, '*/*'].map((one) =>
      ranges.find((range) => range.type === one),
    );
    return found.find((range) => range !== undefined)?.weight ?? 0;
  };
  const weights = produces.map(weightOf);
  const best = Math.max(...weights);
  if (best > 0) return produces[weights.indexOf(best)] ?? '';
  if (answers[204] === null) return '';
  throw new Problem(406, 'not_acceptable', `Must accept ${produces.join(' or ')}`);
}

/** The list that a cursor is bound to: the path and all parameters but `cursor` and `limit`. */
function listOf({ path }: Route, request: FastifyRequest): string {
  const { cursor: _, limit: __, ...filters } = request.query as Record<string, unknown>;
  return JSON.stringify([path, request.params, Object.entries(filters).sort()]);
}

function addressOf(request: FastifyRequest): string {
  const [path = '', query = ''] = request.url.split('?');
  const filters = new URLSearchParams(query);
  filters.delete('cursor');
  return filters.size > 0 ? `${path}?${filters}` : path;
}

/** @throws Problem 400 for a wrong Acting-User */
function actorOf({ headers, clientAddress }: FastifyRequest, { id, name }: OperatorKey): Actor {
  const user = headers['acting-user'];
  if (user !== undefined && !ACTING_USER.test(String(user))) {
    throw new Problem(400, 'invalid_header', 'Acting-User must be 1 to 100 printable characters');
  }
  const behalf = user === undefined ? '' : `, acting user ${user}`;
  return { who: `operator key ${id} (${name})`, from: `operator api ${clientAddress}${behalf}` };
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
