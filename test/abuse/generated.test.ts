import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATIONS, type OperationName } from '../support/contract.ts';
import { fc } from '../support/properties.ts';
import { type Answer, post } from '../support/service.ts';
import { bodies, fits, hostile, keys, RUNS, type Schema, texts, types } from './generators.ts';
import { assertEnvelope, startTarget } from './support.ts';

interface Operation {
  requestBody: { content: { 'application/json': { schema: Schema } } };
  responses: Record<string, { content: { 'application/json': { schema: object } } }>;
}

interface Document {
  paths: Record<string, { post: Operation }>;
}

const operations = new Map<OperationName, Operation>();

const target = startTarget({}, async ({ api }) => {
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as Document;
  for (const name of OPERATIONS) {
    const path = document.paths[`/v2.1/account/${name}/`];
    if (path) operations.set(name, path.post);
  }
});

function headersFor(key: string): Record<string, string> {
  if (key === 'none') return {};
  return { authorization: key === 'own' ? `Bearer ${target.attacker.apikey}` : key };
}

/** The members of a body that count as given. */
const given = (body: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== ''));

/** Whether an operation may answer such a body with 200. */
function maySucceed(operation: OperationName, body: Record<string, unknown>, key: string): boolean {
  const { apikey, ...fields } = given(JSON.parse(JSON.stringify(body)));
  const { schema } = (operations.get(operation) as Operation).requestBody.content[
    'application/json'
  ];
  if (!fits(schema, fields)) return false;
  if (operation === 'recover' || operation === 'signup') return true;
  if (operation === 'apikey') return fields.password === target.attacker.password;
  if (operation === 'add') return false;
  return key === 'own' || (!key.startsWith('Bearer') && apikey === target.attacker.apikey);
}

function check(operation: OperationName, answer: Answer, what: string): void {
  assertEnvelope(answer, target.secrets, what);
  const response = operations.get(operation)?.responses[answer.status];
  assert.ok(response, `${what}: ${answer.status} is not documented`);
  assert.ok(fits(response.content['application/json'].schema, answer.body), what);
}

for (const operation of OPERATIONS) {
  test(`${operation}: made up from its schema`, async () => {
    const { schema } = (operations.get(operation) as Operation).requestBody.content[
      'application/json'
    ];
    const url = `${target.api.url}/v2.1/account/${operation}/`;
    await fc.assert(
      fc.asyncProperty(bodies(schema), keys, async (body, key) => {
        const text = JSON.stringify(body);
        const headers = { 'content-type': 'application/json', ...headersFor(key) };
        const answer = await post(url, text, headers);
        const what = `${operation} ${text.slice(0, 300)} ${key}`;
        check(operation, answer, what);
        if (answer.status === 200) assert.ok(maySucceed(operation, body, key), `${what}: 200`);
      }),
      { numRuns: RUNS },
    );
    await fc.assert(
      fc.asyncProperty(texts, types, keys, async (text, type, key) => {
        const answer = await post(url, text, { 'content-type': type, ...headersFor(key) });
        check(operation, answer, `${operation} ${String(text).slice(0, 100)} ${type} ${key}`);
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    );
  });
}

const member = fc.oneof(
  hostile,
  fc.jsonValue(),
  fc.constantFrom('1700000000', '1.5', '8005550002', 'register', 'ANSWERED', '2026-01-02 03:04:05'),
  fc.integer({ min: 0, max: 2 ** 31 }),
);

const RECORD_NAMES = [
  'id',
  'account',
  'start',
  'duration',
  'cid',
  'dst',
  'ip',
  'cn',
  'variables',
  'callflow',
  'uuid',
  'callid',
  'from_tag',
  'to_tag',
  'start_time',
  'end_time',
  'src_ip',
  'cname',
  'event',
  'method',
  'params',
  'user',
  'aor',
  'contact',
  'expires',
  'ts',
  'created',
  'setuptime',
  'ms_duration',
  'sip_code',
  'call_id',
  '__proto__',
];

const records = fc.dictionary(fc.constantFrom(...RECORD_NAMES), member, { maxKeys: 12 });

const ingested = fc.oneof(
  records.map((record) => JSON.stringify(record)),
  fc.array(records, { maxLength: 5 }).map((list) => JSON.stringify(list)),
  fc.array(records, { maxLength: 5 }).map((list) => list.map((r) => JSON.stringify(r)).join('\n')),
  fc
    .array(fc.array(fc.string({ maxLength: 12 }), { maxLength: 20 }), { maxLength: 5 })
    .map((rows) => rows.map((row) => row.map((cell) => `"${cell}"`).join(',')).join('\n')),
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
);

for (const format of ['freeswitch', 'kamailio', 'opensips', 'asterisk', 'generic']) {
  test(`calls of ${format}: made up`, async () => {
    const headers = { authorization: target.feeds[format] ?? '' };
    await fc.assert(
      fc.asyncProperty(ingested, async (body) => {
        const what = `${format} ${String(body).slice(0, 300)}`;
        const calls = await post(`${target.api.url}/ingest/v1/calls/${format}`, body, headers);
        assertEnvelope(calls, target.secrets, what);
        assert.equal(calls.status, 200, what);
        for (const route of ['registrations', 'authorize']) {
          const answer = await post(`${target.api.url}/ingest/v1/${route}`, body, headers);
          assertEnvelope(answer, target.secrets, what);
        }
      }),
      { numRuns: Math.ceil(RUNS / 2) },
    );
  });
}
