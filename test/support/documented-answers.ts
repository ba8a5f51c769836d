import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import { schemasOf } from './document-schemas.ts';

/** Checks every answer to an operation against the document of its version. */
export interface DocumentedAnswers {
  /** asserts that each answer so far equals the document: status, headers, type, whole body */
  assertAll: () => void;
  /**
   * asserts that every documented status of an operation was seen. @param but statuses that are
   * checked elsewhere
   */
  assertSeen: (method: string, path: string, but?: string[]) => void;
}

interface Documented {
  headers?: Record<string, { schema: object }>;
  content?: Record<string, { schema: object }>;
}

interface Operation {
  operationId: string;
  responses: Record<string, Documented>;
}

interface Found extends Operation {
  /** such as `POST /v2.1/account/info/` */
  name: string;
  /** @param path of a schema below the answers */
  schemaAt: (...path: string[]) => ValidateFunction;
}

// A document cannot say whether a header is always present.
const ALWAYS: Record<number, string[]> = {
  401: ['www-authenticate'],
  429: ['retry-after'],
  503: ['retry-after'],
};
const NOT_UNTOLD = ['www-authenticate', 'retry-after', 'idempotent-replayed', 'etag', 'location'];
const LARGEST_BYTES = 4 * 1024 * 1024;

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Shared by all services of a process: their documents are the same. */
let documented: Promise<ReturnType<typeof operationsOf>> | undefined;

/** Watches all answers of the server, to any client. */
export async function watchAnswers(app: FastifyInstance): Promise<DocumentedAnswers> {
  const faults: string[] = [];
  const seen = new Set<string>();
  documented ??= Promise.all(app.documents.map(({ read }) => read())).then((documents) =>
    documents.flatMap(operationsOf),
  );
  const operations = await documented;
  const find = ({ method = '', url = '' }: IncomingMessage): Found | undefined => {
    const path = url.replace(/^https?:\/\/[^/]*/i, '').split('?')[0] ?? '';
    const asked = method === 'HEAD' ? 'GET' : method;
    return operations.find((one) => one.method === asked && one.matches.test(path))?.operation;
  };
  app.server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const operation = find(request);
    if (!operation) return;
    const sent = keepSent(response);
    response.on('finish', () => {
      seen.add(`${operation.name} ${sent.status}`);
      const fault = faultOf(operation, request.method === 'HEAD', sent);
      if (fault) faults.push(`${operation.name} ${sent.status}: ${fault}`);
    });
  });
  return {
    assertAll: () => assert.deepEqual(faults, []),
    assertSeen: (method, path, but = []) => {
      const name = `${method} ${path}`;
      const found = operations.find(({ operation }) => operation.name === name)?.operation;
      assert.ok(found, `${name} is not documented`);
      const own = Object.keys(found.responses).filter((status) => !but.includes(status));
      assert.deepEqual(
        own.filter((status) => !seen.has(`${name} ${status}`)),
        [],
      );
    },
  };
}

function operationsOf(document: object) {
  const { paths } = document as { paths: Record<string, Record<string, Operation>> };
  const schemaAt = schemasOf(closed(document), DATE_TIME);
  return Object.entries(paths).flatMap(([path, methods]) => {
    const pattern = path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+');
    // A path of v2.1 is also valid without its last slash.
    const matches = new RegExp(`^${pattern.replace(/\/$/, '/?')}$`);
    return Object.entries(methods).map(([verb, operation]) => {
      const method = verb.toUpperCase();
      return {
        matches,
        method,
        operation: {
          ...operation,
          name: `${method} ${path}`,
          schemaAt: (...at: string[]) => schemaAt('paths', path, verb, 'responses', ...at),
        },
      };
    });
  });
}

interface Sent {
  status: number;
  headers: Map<string, string>;
  /** undefined: larger than the watched maximum */
  body: Buffer | undefined;
}

/** Collects a body while it is sent. */
function keepSent(response: ServerResponse): Sent {
  const parts: Buffer[] = [];
  const sent: Sent = { status: 0, headers: new Map(), body: undefined };
  let size = 0;
  const { writeHead } = response;
  response.writeHead = (...all: unknown[]) => {
    sent.status = Number(all[0]);
    const given = all.at(-1);
    const headers = { ...response.getHeaders(), ...(typeof given === 'object' ? given : {}) };
    for (const [name, value] of Object.entries(headers)) {
      sent.headers.set(name.toLowerCase(), String(value));
    }
    return Reflect.apply(writeHead, response, all);
  };
  for (const name of ['write', 'end'] as const) {
    const original = response[name];
    response[name] = (...all: unknown[]): never => {
      const [part] = all;
      if (typeof part === 'string' || part instanceof Uint8Array) {
        size += part.length;
        if (size <= LARGEST_BYTES) parts.push(Buffer.from(part as string));
      }
      return Reflect.apply(original, response, all) as never;
    };
  }
  response.on('finish', () => {
    if (size <= LARGEST_BYTES) sent.body = Buffer.concat(parts);
  });
  return sent;
}

/** The difference between an answer and the document. */
function faultOf(
  { responses, schemaAt }: Found,
  isHead: boolean,
  { status, headers, body }: Sent,
): string | undefined {
  const documented = responses[status];
  if (!documented) return 'the status is not documented';
  const named = Object.entries(documented.headers ?? {});
  const told = new Set(named.map(([header]) => header.toLowerCase()));
  for (const header of ALWAYS[status] ?? []) {
    if (!headers.has(header) || !told.has(header)) return `${header} is missing`;
  }
  for (const header of NOT_UNTOLD) {
    if (headers.has(header) && !told.has(header)) return `${header} is not documented`;
  }
  for (const [header, { schema }] of named) {
    const text = headers.get(header.toLowerCase());
    const isInteger = 'type' in schema && schema.type === 'integer';
    if (text === undefined) continue;
    const value = isInteger ? Number(text) : text;
    const fault = check(schemaAt(String(status), 'headers', header, 'schema'), value);
    if (fault) return `${header}: ${fault}`;
  }
  const [type] = Object.keys(documented.content ?? {});
  if (type === undefined) return body?.length ? 'the body is not documented' : undefined;
  const sentType = headers.get('content-type');
  if (sentType !== `${type}; charset=utf-8` && sentType !== type) return `it is ${sentType}`;
  if (isHead || body === undefined) return undefined;
  if (!/json/.test(type) || /ndjson/.test(type)) return undefined;
  const schema = schemaAt(String(status), 'content', type, 'schema');
  return check(schema, JSON.parse(body.toString()));
}

function check(validate: ValidateFunction, value: unknown): string | undefined {
  if (validate(value)) return undefined;
  return `${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`;
}

/** The schema, closed to members that it does not name. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closed(value)]),
  );
  const isObject = 'properties' in schema && !('additionalProperties' in schema);
  return (isObject ? { ...inner, additionalProperties: false } : inner) as T;
}
