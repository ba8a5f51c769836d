import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { closeAccount } from '../../src/domain/account/account.ts';
import { type Answer, type DocumentedService, post, startDocumented, TESTER } from './service.ts';

export const OPERATIONS = [
  'add',
  'apikey',
  'cdr',
  'info',
  'mrc',
  'recover',
  'registration',
  'signup',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** Operations that need a key, in the header or in the body. */
export const KEYED = ['add', 'cdr', 'info', 'mrc', 'registration'] as const;

export type Headers = Record<string, string>;

export interface Customer {
  username: number;
  password: string;
  apikey: string;
  email: string;
}

/** The service with its limits, and the requests of the tests for v2.1. */
export interface Contract {
  api: DocumentedService;
  /** calls an operation from a new address, or from that of `headers` */
  call: (operation: OperationName, body?: unknown, headers?: Headers) => Promise<Answer>;
  signUp: (email?: string) => Promise<Customer>;
  /** adds an account that `masterAccount` pays for */
  addSubAccount: (masterAccount: number, email?: string) => Promise<Customer>;
  close: (account: { username: number }) => Promise<void>;
  /** asserts that every documented status of an operation was seen, except those common to all */
  assertAllSeen: (operation: OperationName) => void;
}

/** `bodies`, `unavailable`, `named-keys` and `clients.test.ts` check these for all operations. */
const STATUSES_OF_ALL = ['403', '413', '415', '431', '500', '503'];

/** Starts the service with its default limits. */
export async function startContract(env: Record<string, string> = {}): Promise<Contract> {
  const api = await startDocumented({
    TRUST_PROXY: '127.0.0.1',
    RATE_LIMIT_PER_HOUR: '6',
    SIGNUP_LIMIT_PER_HOUR: '20',
    RECOVER_LIMIT_PER_HOUR: '20',
    ...env,
  });

  const call: Contract['call'] = async (operation, body, headers = {}) => {
    const answer = await post(`${api.url}/v2.1/account/${operation}/`, body, {
      'x-forwarded-for': newAddress(),
      ...headers,
    });
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    return answer;
  };
  const withKey = async (account: Omit<Customer, 'apikey'>): Promise<Customer> => {
    const { username, password } = account;
    const { body } = await call('apikey', { username, password });
    return { ...account, apikey: body.apikey };
  };
  const newEmail = () => `user-${randomBytes(6).toString('hex')}@example.com`;
  let administrator: { apikey: string } | undefined;

  return {
    api,
    call,
    signUp: async (email = newEmail()) => {
      const { status, body } = await call('signup', { name: 'Example Company', email });
      assert.equal(status, 200, JSON.stringify(body));
      return withKey({ ...body.account });
    },
    addSubAccount: async (masterAccount, email = newEmail()) => {
      administrator ??= await api.administrator();
      const account = { name: 'Sub-account', username: newUsername(), email, masterAccount };
      const { status, body } = await call('add', account, bearer(administrator.apikey));
      assert.equal(status, 200, JSON.stringify(body));
      return withKey({ ...body.account });
    },
    close: ({ username }) => closeAccount(api.service.db, TESTER, username, api.service.clock()),
    assertAllSeen: (operation) =>
      api.answers.assertSeen('POST', `/v2.1/account/${operation}/`, STATUSES_OF_ALL),
  };
}

/** An unused address of the range for benchmarks (RFC 2544). */
export function newAddress(): string {
  return `198.${18 + randomInt(2)}.${randomInt(256)}.${randomInt(256)}`;
}

/** A username that is very likely free. */
export const newUsername = () => randomInt(2_000_000_000, 10_000_000_000);

export const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` });

/** The whole body of a failure. */
export function failure(status: number, message: string, requirement?: string) {
  const body = { statusCode: String(status), status: 'Error', message };
  return requirement === undefined ? body : { ...body, requirement };
}

/** Asserts a whole failure: status, body and its headers. */
export function assertFailure(
  answer: Answer,
  status: number,
  message: string,
  requirement?: string,
): void {
  assert.deepEqual(answer.body, failure(status, message, requirement));
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get('www-authenticate'), status === 401 ? 'Bearer' : null);
  assert.equal(answer.headers.has('retry-after'), status === 429 || status === 503);
}

/** Asserts the whole body of a success. @param members beside the envelope */
export function assertSuccess(answer: Answer, members: object): void {
  assert.deepEqual(answer.body, { statusCode: '200', status: 'Success', ...members });
  assert.equal(answer.status, 200);
}
