import assert from 'node:assert/strict';
import {
  type ChildProcessWithoutNullStreams,
  execFile,
  spawn,
  spawnSync,
} from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import createClient from 'openapi-fetch';
import { createNamedKey } from '../../src/domain/access/named-key.ts';
import { reportContacts } from '../../src/domain/sip/reported-contact.ts';
import { bearer, newAddress, newUsername } from '../support/contract.ts';
import { type DatabaseProxy, startProxy } from '../support/proxy.ts';
import { startDocumented, TESTER, type TestService } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT = 1;
// From one address: a sign-up, its repetition, and one with another body.
const SIGN_UPS = 4;
// Number of wrong keys that are answered per request of the limit.
const REFUSED_KEYS = 20;
const DOCUMENTS = { 'v2.1': '/openapi.json', 'v2.2': '/v2.2/openapi.json' } as const;
type Version = keyof typeof DOCUMENTS;

interface Asked {
  query?: Record<string, string | number>;
  body?: unknown;
  headers?: Record<string, string>;
}

interface Client {
  name: string;
  version: Version;
  call: (id: string, asked: Asked) => Promise<{ status: number; body: unknown }>;
  stop: () => void;
}

let proxy: DatabaseProxy;
let api: TestService;
let documents: Record<Version, Document>;
before(async () => {
  proxy = await startProxy();
  api = await startDocumented(
    {
      RATE_LIMIT_PER_HOUR: String(LIMIT),
      SIGNUP_LIMIT_PER_HOUR: String(SIGN_UPS),
      RECOVER_LIMIT_PER_HOUR: String(LIMIT),
      TRUST_PROXY: '127.0.0.1',
      RECOVERY_DISCLOSES: 'true',
    },
    undefined,
    proxy.through,
  );
  const read = async (version: Version) =>
    (await (await fetch(`${api.url}${DOCUMENTS[version]}`)).json()) as Document;
  documents = { 'v2.1': await read('v2.1'), 'v2.2': await read('v2.2') };
});
after(async () => {
  await api.stop();
  await proxy.close();
});

interface Document {
  paths: Record<
    string,
    Record<string, { operationId: string; requestBody?: object; responses: Record<string, object> }>
  >;
}

const operationsOf = (version: Version) =>
  Object.entries(documents[version].paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, ...operation })),
  );

const customerOf = async () => {
  const email = `${newUsername()}@example.com`;
  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': newAddress() };
    const sent = { method: 'POST', headers, body: JSON.stringify(body) };
    // biome-ignore lint/suspicious/noExplicitAny: the answers of two operations
    return (await fetch(`${api.url}/v2.1/account/${path}/`, sent)).json() as any;
  };
  const { account } = await post('signup', { name: 'Example Company', email });
  const { username, password } = account;
  const { apikey } = await post('apikey', { username, password });
  return { username, password, email, apikey } as {
    username: number;
    password: string;
    email: string;
    apikey: string;
  };
};

test('the generated types know what is sent and answered', async () => {
  const folder = join(api.folder, 'types');
  await mkdir(folder);
  const run = (command: string, ...words: string[]) =>
    promisify(execFile)(process.execPath, [join(ROOT, 'node_modules', command), ...words]).catch(
      ({ stdout, stderr }) => assert.fail(stdout + stderr),
    );
  for (const version of ['v2.1', 'v2.2'] as const) {
    const document = join(folder, `${version}.json`);
    await writeFile(document, JSON.stringify(documents[version]));
    const types = join(folder, `paths-${version}.ts`);
    await run('openapi-typescript/bin/cli.js', document, '--output', types);
  }
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(ROOT, 'node_modules/@types')],
      rootDirs: [join(ROOT, 'test/clients'), folder],
    },
    include: [join(ROOT, 'test/clients/*.ts')],
    exclude: [],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await run('typescript/bin/tsc', '--project', folder);
  const administrator = await api.administrator();
  const client = () => {
    const made = createClient<never>({ baseUrl: api.url });
    made.use({ onRequest: ({ request }) => request.headers.set('x-forwarded-for', newAddress()) });
    return made;
  };
  for (const version of ['v2.1', 'v2.2']) {
    // The compiler for all tests does not have the generated types.
    const { callAll } = await import(new URL(`../clients/${version}.ts`, import.meta.url).href);
    await callAll(client(), await customerOf(), administrator);
  }
});

/** openapi-fetch takes an operation's method and path from the document. */
function openapiFetch(version: Version): Client {
  const client = createClient<Record<string, Record<string, object>>>({ baseUrl: api.url });
  return {
    name: 'openapi-fetch',
    version,
    call: async (id, { query = {}, body, headers = {} }) => {
      const operation = operationsOf(version).find(({ operationId }) => operationId === id);
      assert.ok(operation, id);
      const { data, error, response } = await client.request(
        operation.method as never,
        operation.path as never,
        {
          params: { query },
          headers: { 'content-type': 'application/json', ...headers },
          body,
          bodySerializer: (value: unknown) =>
            typeof value === 'string' ? value : JSON.stringify(value),
        } as never,
      );
      return { status: response.status, body: data ?? error };
    },
    stop: () => undefined,
  };
}

/** Python's standard library. */
function python(version: Version): Client {
  const script = join(ROOT, 'test/clients/client.py');
  const child: ChildProcessWithoutNullStreams = spawn('python3', [
    script,
    api.url,
    DOCUMENTS[version],
  ]);
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    name: 'python',
    version,
    call: async (id, asked) => {
      child.stdin.write(`${JSON.stringify({ id, ...asked })}\n`);
      const { value, done } = await lines.next();
      assert.ok(!done, 'the client ended');
      return JSON.parse(value);
    },
    stop: () => child.stdin.end(),
  };
}

/** Requests for each operation, by the expected status. */
type Cases = Record<string, Record<number, Asked | Asked[]>>;

async function casesOfV21(): Promise<Cases> {
  const { username, password, email, apikey } = await customerOf();
  const registered = await customerOf();
  await register(registered.username);
  const { apikey: administrator } = await api.administrator();
  const by = (more: object = {}, key = apikey): Asked => ({ body: { apikey: key, ...more } });
  const elsewhere = await keyOfElsewhere(username);
  const keyed = { 200: by(), 400: { body: {} }, 401: by({}, 'x'), 403: by({}, elsewhere) };
  const account = { username: newUsername(), name: 'x', email };
  return {
    accountAdd: {
      200: by(account, administrator),
      400: by({}, administrator),
      401: by(account),
      409: by(account, administrator),
    },
    accountApiKey: {
      200: { body: { username, password } },
      400: { body: { username } },
      401: { body: { username, password: 'x' } },
    },
    accountCdr: { ...keyed, 400: by({ start: 'x' }) },
    accountInfo: keyed,
    accountMrc: keyed,
    accountRecover: {
      200: { body: { email } },
      400: { body: {} },
      404: { body: { email: 'none@example.com' } },
    },
    accountRegistration: { ...keyed, 200: by({}, registered.apikey), 404: by() },
    accountSignup: {
      200: { body: { name: 'x', email: `new-${email}` } },
      400: { body: { name: 'x' } },
      409: { body: { name: 'x', email } },
    },
  };
}

async function casesOfV22(): Promise<Cases> {
  const { username, password, email, apikey } = await customerOf();
  const registered = await customerOf();
  await register(registered.username);
  const { apikey: administrator } = await api.administrator();
  const as = (key: string, body?: object): Asked => ({
    headers: bearer(key),
    ...(body === undefined ? {} : { body }),
  });
  // Without an account, an idempotency key belongs to an address.
  const address = newAddress();
  const once = (asked: Asked, key: string): Asked => ({
    ...asked,
    headers: { ...asked.headers, 'idempotency-key': key, 'x-forwarded-for': address },
  });
  const keyed = { 200: as(apikey), 401: as('x'), 403: as(await keyOfElsewhere(username)) };
  const account = { username: newUsername(), name: 'x', email };
  const created = { body: { name: 'x', email: `new-${email}` } };
  const added = as(administrator, account);
  return {
    accountApiKey: {
      200: { body: { username, password } },
      400: { body: { username } },
      401: { body: { username, password: 'x' } },
    },
    accountGet: keyed,
    accountPut: {
      200: as(apikey, { notify: false }),
      400: as(apikey, { notify: 'x' }),
      401: as('x', { notify: false }),
      403: as(apikey, { ccs: 1 }),
    },
    accountSubaccountCreate: {
      // The second request repeats the first.
      201: [once(added, `add-${username}`), once(added, `add-${username}`)],
      400: as(administrator, {}),
      401: as('x', account),
      403: as(apikey, account),
      409: added,
      422: once(as(administrator, { ...account, name: 'y' }), `add-${username}`),
    },
    accountCreate: {
      201: [once(created, `new-${username}`), once(created, `new-${username}`)],
      400: { body: { name: 'x' } },
      409: { body: { name: 'x', email } },
      422: once({ body: { name: 'y', email } }, `new-${username}`),
    },
    accountCdr: { ...keyed, 400: { ...as(apikey), query: { start: 'x' } } },
    accountCredits: { ...keyed, 400: { ...as(apikey), query: { status: 'x' } } },
    accountRecovery: {
      200: { body: { email } },
      400: { body: {} },
      404: { body: { email: 'none@example.com' } },
    },
    accountPayments: keyed,
    accountRecurringCharges: keyed,
    accountRegistration: { ...keyed, 200: as(registered.apikey), 404: as(apikey) },
  };
}

const CASES = { 'v2.1': casesOfV21, 'v2.2': casesOfV22 };

/** A named key of an account that may be used only from a network of nobody. */
function keyOfElsewhere(username: number): Promise<string> {
  const { db, keyring, clock } = api.service;
  return createNamedKey(db, TESTER, { keyring, now: clock() }, username, {
    name: 'elsewhere',
    networks: ['192.0.2.0/24'],
    expiresAt: null,
  });
}

async function register(username: number): Promise<void> {
  const now = new Date();
  await reportContacts(api.service.db, [
    {
      user: String(username),
      contact: `sip:${username}@192.0.2.1:5060`,
      received: undefined,
      userAgent: 'Phone/1',
      reportedAt: now,
      expiresAt: new Date(now.getTime() + 3_600_000),
    },
  ]);
}

/** A request that succeeds: without an idempotency key, and with a new address. */
function goodOf(cases: Record<number, Asked | Asked[]>): Asked {
  const [asked = {}] = [cases[200] ?? cases[201] ?? {}].flat();
  const { 'idempotency-key': _key, 'x-forwarded-for': _address, ...headers } = asked.headers ?? {};
  const body = asked.body as object | undefined;
  const email = `${newUsername()}@example.com`;
  return { ...asked, headers, ...(body && 'name' in body ? { body: { ...body, email } } : {}) };
}

/** One client of one version that produces all statuses. */
class Journey {
  readonly client: Client;
  readonly cases: Cases;
  readonly seen = new Set<string>();

  constructor(client: Client, cases: Cases) {
    this.client = client;
    this.cases = cases;
  }

  async ask(
    id: string,
    asked: Asked,
    address = newAddress(),
  ): Promise<{ status: number; body: unknown }> {
    const headers = { 'x-forwarded-for': address, ...asked.headers };
    const answer = await this.client.call(id, { ...asked, headers });
    this.seen.add(`${id} ${answer.status}`);
    return answer;
  }

  async expect(id: string, asked: Asked, status: number): Promise<unknown> {
    const answer = await this.ask(id, asked);
    const { name, version } = this.client;
    assert.equal(answer.status, status, `${name} ${version} ${id} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async expectOfAll(status: number): Promise<void> {
    for (const [id, cases] of Object.entries(this.cases)) {
      await this.expect(id, goodOf(cases), status);
    }
  }

  async ownStatuses(): Promise<void> {
    for (const [id, cases] of Object.entries(this.cases)) {
      for (const [status, asked] of Object.entries(cases)) {
        const bodies: unknown[] = [];
        for (const one of [asked].flat()) bodies.push(await this.expect(id, one, Number(status)));
        for (const body of bodies) assert.deepEqual(body, bodies[0]);
      }
      const good = goodOf(cases);
      const address = newAddress();
      const wrong = { ...good, headers: { ...good.headers, ...bearer('wrong') } };
      // If no other limit exists, wrong keys are limited.
      for (let n = 0; !this.seen.has(`${id} 429`); n++) {
        assert.ok(n <= LIMIT + REFUSED_KEYS * LIMIT + 1, `${id} has no limit`);
        await this.ask(id, n > LIMIT ? wrong : good, address);
      }
    }
  }

  async unreadableBodies(): Promise<void> {
    for (const { operationId, requestBody } of operationsOf(this.client.version)) {
      if (!requestBody) continue;
      const headers = { 'content-type': 'text/xml' };
      await this.expect(operationId, { body: '<x/>', headers }, 415);
      await this.expect(operationId, { body: { x: 'x'.repeat(17_000) } }, 413);
    }
  }

  async longHeads(): Promise<void> {
    for (const [id, cases] of Object.entries(this.cases)) {
      const good = goodOf(cases);
      const headers = { ...good.headers, 'x-long': 'x'.repeat(17_000) };
      await this.expect(id, { ...good, headers }, 431);
    }
  }

  assertAllSeen(): void {
    const { name, version } = this.client;
    for (const { operationId, responses } of operationsOf(version)) {
      const unseen = Object.keys(responses).filter(
        (code) => !this.seen.has(`${operationId} ${code}`),
      );
      assert.deepEqual(unseen, [], `${name} ${version} ${operationId}`);
    }
  }
}

const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;

for (const [name, client] of Object.entries({ 'openapi-fetch': openapiFetch, python })) {
  test(`each status of each operation is read by ${name}`, {
    skip: name === 'python' && !HAS_PYTHON && 'python3 is missing: apt-get install python3',
  }, async (t) => {
    const { db } = api.service;
    const journeys: Journey[] = [];
    t.after(() => {
      for (const { client } of journeys) client.stop();
    });
    for (const version of ['v2.1', 'v2.2'] as const) {
      journeys.push(new Journey(client(version), await CASES[version]()));
    }
    for (const journey of journeys) {
      await journey.ownStatuses();
      await journey.unreadableBodies();
      await journey.longHeads();
    }
    await db.query('ALTER TABLE account RENAME TO hidden');
    for (const journey of journeys) await journey.expectOfAll(500);
    await db.query('ALTER TABLE hidden RENAME TO account');
    proxy.cut();
    for (const journey of journeys) await journey.expectOfAll(503);
    proxy.mend();
    await waitUntil(async () => (await fetch(`${api.url}/readyz`)).status === 200);
    for (const journey of journeys) journey.assertAllSeen();
  });
}
