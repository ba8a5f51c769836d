import type { Readable } from 'node:stream';
import type {
  FastifyInstance,
  FastifyRequest,
  onRequestHookHandler,
  RouteShorthandOptionsWithHandler,
} from 'fastify';
import type { Caller } from '../domain/access/caller.ts';
import { administratorRequired, fieldRequired, invalidField, Refusal } from '../domain/refusal.ts';
import type { Service } from '../service.ts';
import { addressReader, originOf } from './client-address.ts';
import type { Face, Route } from './face.ts';
import { rateLimitedAnswer } from './failures.ts';
import { idempotencyKeyHeaders, once } from './idempotency-key.ts';
import { longAnswer } from './long-answer.ts';
import { begunAnswer, operationShortcut, refuseLeft } from './operation-shortcut.ts';
import { accountKey, type PresentedKey, presentedKey, requireWriting } from './presented-key.ts';
import { AddressLimit, limitByAddress } from './rate-limit.ts';
import { responses } from './responses.ts';
import type { Static, TObject, TSchema } from './schema.ts';
import { isTls, securityHeaders } from './security-headers.ts';
import { parseStrictJson } from './strict-json.ts';

const BODY_LIMIT_BYTES = 16 * 1024;
const JSON_ANSWER = 'application/json; charset=utf-8';
const JSON_TYPE = /^application\/([\w.+-]+\+)?json\s*(;|$)/i;

// For operations without their own limit: the limit of wrong keys an hour for each address, as a
// multiple of RATE_LIMIT_PER_HOUR. Clients with a valid key are never limited.
const REFUSED_KEYS = 20;

type Body = Record<string, unknown>;

/** One definition of an operation for the router, the checks and the OpenAPI document. */
export interface Operation<Schema extends TObject> {
  name: string;
  operationId: string;
  summary: string;
  description: string;
  /** each property carries its `x-requirement`, the text of the refusal */
  body: Schema;
  /** in the order in which a missing one is reported */
  required: (keyof Schema['properties'] & string)[];
  auth: 'none' | 'key' | 'administrator';
  /** refuses what the key's account may not do, before the values are checked */
  permit?: (caller: Caller, given: Body) => void;
  /** requests an hour for each client address */
  limit?: (service: Service) => number;
  /** the refusal of a missing field, if it is not `fieldRequired` */
  missing?: (field: string) => Refusal;
  /** the refusal of an invalid value, if it is not `invalidField` */
  invalid?: (field: string) => Refusal;
  /** whether it is performed once for each Idempotency-Key; then its answer must not be long */
  once?: true;
  /** members beside the envelope, for the document */
  success: Record<string, TSchema>;
  example: object;
  /** its own refusals, without those of all operations; for the document */
  refusals: Refusal[];
  /** @returns JSON text of the members beside the envelope, or the parts of a long body */
  handle: (call: Call<Schema>) => Promise<string | AsyncIterable<string>>;
  /**
   * `handle` for requests with nothing but an API key, which are answered without Fastify, except
   * for long bodies
   */
  byKey?: (service: Service, key: PresentedKey) => Promise<string | AsyncIterable<string>>;
}

export interface Call<Schema extends TObject> {
  service: Service;
  /** its values checked against the schema */
  body: Static<Schema>;
  /** the key's account */
  caller: PresentedKey['caller'];
  /** for statements that find the account by its key */
  keyDigest: PresentedKey['digest'];
  clientAddress: string;
  log: FastifyRequest['log'];
}

/** Keeps the schema's type on its way into the list of routes. */
export function operation<Schema extends TObject>(definition: Operation<Schema>) {
  return definition;
}

/** Registers an operation under the paths of a face. */
export function registerOperation<Schema extends TObject>(
  app: FastifyInstance,
  service: Service,
  face: Face,
  definition: Operation<Schema>,
): void {
  const { name, auth, required } = definition;
  const route = face.routes[name];
  if (!route) throw new TypeError(`the face has no operation ${name}`);
  const { method, paths, status } = route;
  const limit = new AddressLimit(service.db, name, definition.limit?.(service) ?? 0);
  const overLimit = rateLimitedAnswer(face);
  const refusalsPerHour = REFUSED_KEYS * service.config.rateLimitPerHour;
  const refusedKeys = new AddressLimit(service.db, `${name} refused`, refusalsPerHour);
  // The limit of GET does not count HEAD.
  const watch = <T>({ method, clientAddress }: FastifyRequest, work: () => Promise<T>) => {
    const isWatched = auth !== 'none' && (!definition.limit || method === 'HEAD');
    return isWatched ? refusedKeys.watch(clientAddress, work) : work();
  };
  const mustBeAdministrator = (request: FastifyRequest) =>
    watch(request, () => requireAdministrator(request.presentedKey.caller, face.checksKeyFirst));
  const options: RouteShorthandOptionsWithHandler = {
    bodyLimit: BODY_LIMIT_BYTES,
    attachValidation: true,
    onRequest: [refuseLeft, ...limitByAddress(limit, overLimit.send)],
    preValidation: async (request) => {
      const read = face.read(request);
      const fields = withoutMissing(read.fields);
      const key = isGiven(read.key) ? read.key : undefined;
      request.presentedKey = presentedKey(service, request, key);
      if (method === 'GET') request.query = fields;
      else request.body = fields;
      const isFirst = auth === 'administrator' && face.checksKeyFirst;
      if (isFirst) await mustBeAdministrator(request);
      const present: Body = { ...fields, apikey: key };
      const missing = required.find((field) => present[field] === undefined);
      if (missing) throw (definition.missing ?? fieldRequired)(missing);
      // The body of an administrator's operation is checked only for an administrator.
      if (auth === 'administrator' && !isFirst) await mustBeAdministrator(request);
    },
    schema: documentation(face, route, definition),
    handler: async (request, reply) => {
      const { clientAddress, log } = request;
      const { caller, digest } = request.presentedKey;
      const fault = faultyField(definition, request);
      const values = (method === 'GET' ? request.query : request.body) as Static<Schema>;
      const handle = async (tools: Service) => {
        const call = {
          service: tools,
          body: values,
          caller,
          keyDigest: digest,
          clientAddress,
          log,
        };
        const answer = await definition.handle(call);
        return typeof answer === 'string' ? face.success(answer) : answer;
      };
      const handleOnce = async () => {
        const sender =
          auth === 'none' ? originOf(clientAddress).address : (await caller()).username;
        const keyed = {
          scope: `${method} ${paths[0]} of ${sender}`,
          content: JSON.stringify(values),
        };
        const answer = await once(request, reply, service, keyed, async (joined) => ({
          status,
          body: String(await handle(joined)),
        }));
        return answer.body;
      };
      const work = async () => {
        // A wrong key, and one that may not do this, is reported before a wrong value.
        if (auth === 'key' && (fault || definition.permit)) {
          const found = await caller();
          definition.permit?.(found, values);
        }
        if (fault) throw fault;
        return definition.once ? handleOnce() : handle(service);
      };
      const answer = begunAnswer(request.raw) ?? (await watch(request, work));
      let sent: string | Readable = '';
      if (typeof answer === 'string') sent = answer;
      else if (request.method !== 'HEAD') {
        sent = await longAnswer(request, (await caller()).username, answer);
      }
      return reply.code(status).header('cache-control', 'no-store').type(JSON_ANSWER).send(sent);
    },
  };
  for (const url of paths) {
    const hide = url !== paths[0];
    app.route({ ...options, method, url, schema: { ...options.schema, hide } });
  }
  // Answers to pages of other origins have further headers.
  const { config } = service;
  const { byKey } = definition;
  if (method !== 'POST' || (limit.isOff && !byKey) || config.corsOrigins.length > 0) return;
  const shortcut = operationShortcut({
    limit,
    addressOf: addressReader(config),
    overLimit,
    byKey:
      byKey &&
      (async (key) => {
        const answer = await byKey(service, accountKey(service, key));
        return typeof answer === 'string' ? face.success(answer) : answer;
      }),
  });
  const headers = {
    ...securityHeaders(isTls(config)),
    'cache-control': 'no-store',
    'content-type': JSON_ANSWER,
  };
  for (const url of paths) app.shortcuts.set(url, { shortcut, headers });
}

/** Accepts only JSON. An empty body counts as `{}`, with any media type. */
export function parseBody(request: FastifyRequest, raw: Buffer): Body {
  if (isBlank(raw)) return {};
  const type = request.headers['content-type'];
  if (type !== undefined && !JSON_TYPE.test(type)) {
    throw Object.assign(new Error('unsupported media type'), { statusCode: 415 });
  }
  const value = parseStrictJson(raw);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('malformed', 'The body must be a JSON object');
  }
  return value as Body;
}

/** Removes the media type of a request without a body, because the framework would check it. */
export const ignoreTypeOfNothing: onRequestHookHandler = ({ headers }, _reply, done) => {
  const length = headers['content-length'] ?? '0';
  if (length === '0' && headers['transfer-encoding'] === undefined) delete headers['content-type'];
  done();
};

/** Whether a body has only JSON's whitespace. */
function isBlank(raw: Buffer): boolean {
  return /^[ \t\r\n]*$/.test(raw.toString('latin1'));
}

/** null and the empty string count as missing. */
const isGiven = (value: unknown) => value !== null && value !== '';

function withoutMissing(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => isGiven(value)));
}

/** @param tellsWrongKey a wrong key gets its own refusal */
async function requireAdministrator(
  caller: () => Promise<Caller>,
  tellsWrongKey: boolean,
): Promise<void> {
  try {
    const found = await caller();
    requireWriting(found);
    if (found.role === 'administrator') return;
  } catch (error) {
    if (tellsWrongKey || !(error instanceof Refusal)) throw error;
  }
  throw administratorRequired();
}

interface ValidationFault {
  instancePath: string;
}

/** The refusal of the first field, in the schema's order, whose value does not fit. */
function faultyField<Schema extends TObject>(
  { body: schema, invalid }: Operation<Schema>,
  request: FastifyRequest,
): Refusal | undefined {
  const faults = request.validationError?.validation as ValidationFault[] | undefined;
  if (!faults) return undefined;
  const names = new Set(faults.map((fault) => fault.instancePath.split('/')[1]));
  const name = Object.keys(schema.properties).find((property) => names.has(property));
  if (name === undefined) return undefined;
  const property = schema.properties[name] as { 'x-requirement'?: string };
  return invalid?.(name) ?? invalidField(name, property['x-requirement'] ?? 'Must be valid');
}

function documentation<Schema extends TObject>(
  face: Face,
  route: Route,
  definition: Operation<Schema>,
) {
  const { operationId, summary, description, auth, body } = definition;
  return {
    operationId,
    tags: ['account'],
    summary,
    description,
    ...(route.method === 'GET'
      ? { querystring: body }
      : { body: { ...body, examples: [exampleOf(body)] } }),
    security: auth === 'none' ? [] : [{ [face.document.security]: [] }],
    ...(definition.once ? { headers: idempotencyKeyHeaders } : {}),
    response: responses(face, route, definition),
  };
}

function exampleOf(schema: TObject): object {
  return Object.fromEntries(
    Object.entries(schema.properties).map(([name, property]) => [
      name,
      (property as { examples?: unknown[] }).examples?.[0],
    ]),
  );
}
