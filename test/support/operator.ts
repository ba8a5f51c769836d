import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { operatorDocument } from '../../src/api/operator/framework/document.ts';
import { ROUTES } from '../../src/api/operator/routes.ts';
import {
  createOperatorKey,
  type KeySettings,
  type OperatorKey,
} from '../../src/domain/access/operator-key.ts';
import { SCOPES } from '../../src/domain/access/operator-scope.ts';
import { schemasOf } from './document-schemas.ts';
import { type Answer, sharedService, TESTER, type TestService } from './service.ts';

export interface Client {
  key: OperatorKey;
  secret: string;
  /** calls a path below /operator/v1; each answer is checked against the document */
  call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
}

/** A key with the given scopes, by default all, and calls with it. */
export async function operatorClient(
  api: TestService,
  settings: Partial<KeySettings> = {},
): Promise<Client> {
  const { db, keyring, clock } = api.service;
  const { key, secret } = await createOperatorKey(
    db,
    TESTER,
    { keyring, now: clock() },
    {
      name: 'test',
      scopes: [...SCOPES],
      networks: [],
      accounts: [],
      entryLimit: null,
      dayLimit: null,
      expiresAt: null,
      ...settings,
    },
  );
  return { key, secret, call: callsWith(api, secret) };
}

/** The service of all tests of a file, and a client that may do everything. */
export function sharedOperators(
  env: Record<string, string> = {},
  setUp: () => Promise<void> = async () => undefined,
) {
  const all = {} as Client;
  const api = sharedService({ OPERATOR_LIMIT_PER_MINUTE: '1000000', ...env }, async () => {
    Object.assign(all, await operatorClient(api));
    await setUp();
  });
  return { api, all };
}

/** Calls of the operators' API with a key. */
export const callsWith =
  (api: TestService, secret: string): Client['call'] =>
  async (method, path, body, headers = {}) => {
    const isRaw = typeof body === 'string';
    const response = await fetch(`${api.url}/operator/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body === undefined || isRaw ? {} : { 'content-type': 'application/json' }),
        ...(method === 'POST' || method === 'PUT'
          ? { 'idempotency-key': randomBytes(9).toString('hex') }
          : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson =
      response.headers.get('content-type')?.includes('json') &&
      !response.headers.get('content-type')?.includes('ndjson');
    const answer = {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    };
    holdAgainstDocument(method, path, answer);
    return answer;
  };

export const newEmail = () => `${randomBytes(6).toString('hex')}@example.com`;

/** Adds an account, and sends no mail. @returns its members */
export async function addAccount({ call }: Client, more: object = {}): Promise<Answer['body']> {
  const body = { name: 'Example Company', email: newEmail(), onboarding: 'none', ...more };
  const made = await call('POST', '/accounts', body);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
}

type Paths = Record<
  string,
  Record<string, { responses: Record<string, { content?: Record<string, object> }> }>
>;

/** The document that the service has, as a test of its routes shows. */
function readDocument() {
  const document = JSON.parse(JSON.stringify(operatorDocument(ROUTES))) as { paths: Paths };
  const operations = Object.entries(document.paths).map(([path, methods]) => ({
    path,
    matches: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
    methods,
  }));
  return { operations, schemaAt: schemasOf(document, /Z$/) };
}
let document: ReturnType<typeof readDocument> | undefined;

/** Asserts that the document contains an answer. */
function holdAgainstDocument(method: string, path: string, answer: Answer): void {
  document ??= readDocument();
  const bare = `/operator/v1${path.split('?')[0]}`;
  const verb = method.toLowerCase();
  const known = document.operations.find(
    ({ matches, methods }) => matches.test(bare) && methods[verb],
  );
  if (!known) {
    assert.ok([404, 405].includes(answer.status), `${method} ${path}`);
    return;
  }
  const status = String(answer.status);
  const documented = known.methods[verb]?.responses[status];
  assert.ok(documented, `${method} ${path} answered ${status}: ${JSON.stringify(answer.body)}`);
  assert.ok(answer.headers.get('x-request-id'));
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const [type] = Object.keys(documented.content ?? {});
  if (type === undefined || typeof answer.body !== 'object') return;
  assert.equal(answer.headers.get('content-type'), `${type}; charset=utf-8`);
  const at = ['paths', known.path, verb, 'responses', status, 'content', type, 'schema'];
  const validate = document.schemaAt(...at);
  assert.ok(
    validate(answer.body),
    `${method} ${known.path} ${status}: ${JSON.stringify(validate.errors)} ${JSON.stringify(answer.body)}`,
  );
}

/** Checks the form of a problem. @returns its status and code */
export function codeOf({ status, headers, body }: Answer): string {
  assert.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8');
  assert.equal(body.status, status);
  return `${status} ${body.code}`;
}

/** Pointers and codes of all faults. */
export function faultsOf({ body }: Answer): string[] {
  return body.errors.map(
    ({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`,
  );
}
