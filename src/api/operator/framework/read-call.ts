import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { OperatorKey } from '../../../domain/access/operator-key.ts';
import type { Actor } from '../../../domain/audit.ts';
import { parseStrictJson } from '../../../http/strict-json.ts';
import type { Service } from '../../../service.ts';
import { requireReach } from './answer.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { type Fault, type Fields, readFields } from './field.ts';
import { invalidValues, Problem } from './problem.ts';
import type { Call, Route } from './route.ts';

const UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024;
const MOST_LEVELS = 10;
const MEDIA_TYPES = ['application/json', 'application/merge-patch+json'];
const ACTING_USER = /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/;

/** Reads all values of a request. @throws Problem with all faults */
export async function readCall(
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
    await requireReach(service.db, reach, params.username);
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
  return {
    service,
    key,
    actor: actorOf(request, key),
    now: service.clock(),
    reach,
    params,
    query,
    body,
    file: { bytes, type: mediaType(request) },
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
  const { body, file } = definition;
  const type = mediaType(request);
  if (file || (raw.length > 0 && !MEDIA_TYPES.includes(type))) {
    const allowed = file ?? MEDIA_TYPES;
    if (!allowed.includes(type)) {
      throw new Problem(415, 'unsupported_media_type', `Must be ${allowed.join(' or ')}`);
    }
    return {};
  }
  const value = raw.length === 0 ? {} : parseStrictJson(raw, { mostLevels: MOST_LEVELS });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem(400, 'malformed', 'The body must be a JSON object');
  }
  return readFields(body ?? {}, value as Record<string, unknown>, '', faults);
}

function mediaType({ headers }: FastifyRequest): string {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  return type.trim().toLowerCase();
}

/**
 * The media type of an answer that a client prefers (RFC 9110, section 12.5.1).
 * @throws Problem 406 for a client that accepts none
 */
function acceptedType(
  { headers }: FastifyRequest,
  { answers, produces = ['application/json'] }: Route,
): string {
  const type = new Negotiator({ headers }).mediaType(produces);
  if (type !== undefined) return type;
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
