import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { bearer, type Customer, type Headers, newAddress, newUsername } from './contract.ts';
import { type Answer, type DocumentedService, startDocumented } from './service.ts';

export type Method = 'GET' | 'POST' | 'PUT';

/** The service with its limits, and the requests of the tests for v2.2. */
export interface ContractV22 {
  api: DocumentedService;
  /** @param path such as `account/cdr?start=1` */
  call: (method: Method, path: string, options?: Options) => Promise<Answer>;
  signUp: () => Promise<Customer>;
  /** asserts that every documented status of an operation was seen, except those common to all */
  assertAllSeen: (method: Method, path: string) => void;
}

interface Options {
  key?: string;
  body?: unknown;
  headers?: Headers;
}

const STATUSES_OF_ALL = ['403', '413', '415', '431', '500', '503'];

/** Starts the service with its default limits. */
export async function startContractV22(env: Record<string, string> = {}): Promise<ContractV22> {
  const api = await startDocumented({
    TRUST_PROXY: '127.0.0.1',
    RATE_LIMIT_PER_HOUR: '6',
    SIGNUP_LIMIT_PER_HOUR: '20',
    RECOVER_LIMIT_PER_HOUR: '20',
    ...env,
  });
  const call: ContractV22['call'] = async (method, path, { key, body, headers } = {}) => {
    const response = await fetch(`${api.url}/v2.2/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        'x-forwarded-for': newAddress(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : bearer(key)),
        ...headers,
      },
    });
    const answer = {
      status: response.status,
      headers: response.headers,
      body: await response.json(),
    };
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    return answer;
  };

  return {
    api,
    call,
    signUp: async () => {
      const email = `user-${randomBytes(6).toString('hex')}@example.com`;
      const created = await call('POST', 'accounts', { body: { name: 'Example Company', email } });
      assert.equal(created.status, 201, JSON.stringify(created.body));
      const { username, password } = created.body.data;
      const { body } = await call('POST', 'account/api-key', { body: { username, password } });
      return { username: Number(username), password, email, apikey: body.data.apikey };
    },
    assertAllSeen: (method, path) =>
      api.answers.assertSeen(method, `/v2.2/${path}`, STATUSES_OF_ALL),
  };
}

export { newUsername };

/** Asserts the whole body of a success. */
export function assertData(answer: Answer, data: object, status = 200): void {
  assert.deepEqual(answer.body, { status: 'success', data });
  assert.equal(answer.status, status);
}

/** Asserts a whole failure: status, body and its headers. */
export function assertError(answer: Answer, status: number, message: string, more = {}): void {
  const error = { code: status, message, ...more };
  assert.deepEqual(answer.body, { status: 'error', message, error });
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get('www-authenticate'), status === 401 ? 'Bearer' : null);
}
