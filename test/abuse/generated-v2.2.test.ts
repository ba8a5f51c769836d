import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fc } from '../support/properties.ts';
import { bodies, fits, hostile, keys, RUNS, type Schema, texts, types } from './generators.ts';
import { assertNoSecrets, assertNothingInside, startTarget } from './support.ts';

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
  responses: Record<string, { content: { 'application/json': { schema: object } } }>;
}

interface Request {
  key: string;
  idempotencyKey: string | undefined;
  query: string;
  body?: string | Uint8Array<ArrayBuffer>;
  type?: string;
}

const target = startTarget();

const idempotencyKeys = fc.constantFrom(undefined, 'a', '"a"', '"', 'a b', 'é', 'x'.repeat(300));
const queries = fc
  .dictionary(fc.constantFrom('start', 'end', 'status', 'apikey', '__proto__'), hostile)
  .map((values) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
      query.append(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
    return query.toString();
  });
const rawQueries = fc.constantFrom(
  '',
  'start=%zz',
  'start=1&start=2',
  'start[]=1',
  '%00',
  '&&=&',
  'status=',
);

function headersFor({ key, idempotencyKey, type }: Request): Record<string, string> {
  return {
    ...(key === 'none'
      ? {}
      : { authorization: key === 'own' ? `Bearer ${target.attacker.apikey}` : key }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    ...(type === undefined ? {} : { 'content-type': type }),
  };
}

/** Sends a request and asserts that the answer is documented and shows no secret. */
async function send(method: string, path: string, operation: Operation, sent: Request) {
  const what = `${method} ${path} ${JSON.stringify({ ...sent, body: String(sent.body) }).slice(0, 400)}`;
  const response = await fetch(`${target.api.url}${path}?${sent.query}`, {
    method,
    headers: headersFor(sent),
    ...(sent.body === undefined ? {} : { body: sent.body }),
  });
  const { status, headers } = response;
  const answer = (await response.json()) as { message: string; error: { requirement?: string } };
  assert.ok(status < 500, `${what}: ${status}`);
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8', what);
  const documented = operation.responses[status];
  assert.ok(documented, `${what}: ${status} is not documented`);
  assert.ok(
    fits(documented.content['application/json'].schema, answer),
    `${what}: ${JSON.stringify(answer)}`,
  );
  const text = JSON.stringify([answer, ...headers]);
  assertNoSecrets(text, target.secrets, what);
  if (status >= 400) {
    assertNothingInside(text, what);
    const { message, error } = answer;
    const { requirement, ...told } = error;
    assert.deepEqual(
      { ...answer, error: told },
      { status: 'error', message, error: { code: status, message } },
      what,
    );
    assert.ok(requirement === undefined || status === 400, what);
  }
  return { isDone: status < 400, what };
}

/** Whether an operation may accept such a request. */
function mayBeDone({ operationId, requestBody }: Operation, { key, body }: Request): boolean {
  if (operationId === 'accountSubaccountCreate') return false;
  if (!requestBody) return key === 'own';
  const entries = Object.entries(JSON.parse(String(body || '{}')));
  const given = Object.fromEntries(entries.filter(([, value]) => value !== null && value !== ''));
  if (!fits(requestBody.content['application/json'].schema, given)) return false;
  if (operationId === 'accountApiKey') return given.password === target.attacker.password;
  return operationId === 'accountPut' ? key === 'own' : true;
}

describe('operations of v2.2', () => {
  const operations: [method: string, path: string, operation: Operation][] = [];
  before(async () => {
    const { paths } = (await (await fetch(`${target.api.url}/v2.2/openapi.json`)).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        operations.push([method.toUpperCase(), path, operation]);
      }
    }
  });
  after(() => assert.equal(operations.length, 11));

  test('made up from their schemas', async () => {
    for (const [method, path, operation] of operations) {
      const schema = operation.requestBody?.content['application/json'].schema;
      const request: fc.Arbitrary<Request> = fc.record({
        key: keys,
        idempotencyKey: idempotencyKeys,
        query: fc.oneof(queries, rawQueries),
        ...(schema
          ? {
              body: bodies(schema).map((body) => JSON.stringify(body)),
              type: fc.constant('application/json'),
            }
          : {}),
      });
      await fc.assert(
        fc.asyncProperty(request, async (sent) => {
          const { isDone, what } = await send(method, path, operation, sent);
          if (isDone) assert.ok(mayBeDone(operation, sent), `${what} was done`);
        }),
        { numRuns: RUNS },
      );
    }
  });

  test('bodies that are none, in any media type', async () => {
    for (const [method, path, operation] of operations) {
      if (!operation.requestBody) continue;
      const request: fc.Arbitrary<Request> = fc.record({
        key: keys,
        idempotencyKey: idempotencyKeys,
        query: fc.constant(''),
        body: texts.map((text) => (typeof text === 'string' ? text : new Uint8Array(text))),
        type: types,
      });
      await fc.assert(
        fc.asyncProperty(request, async (sent) => {
          await send(method, path, operation, sent);
        }),
        { numRuns: Math.ceil(RUNS / 2) },
      );
    }
  });
});
