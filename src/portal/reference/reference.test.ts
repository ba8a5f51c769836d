import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MESSAGES } from '../messages/index.ts';
import type { View } from '../view.ts';
import { operationsByTag, resolved } from './document.ts';
import { operationSection } from './operation.ts';
import { memberList } from './schema.ts';

test('references are replaced by what they name, also where that names itself', () => {
  const Row = { type: 'object', properties: { row: { $ref: '#/components/schemas/Row' } } };
  const answer = { 'application/json': { schema: { $ref: '#/components/schemas/Row' } } };
  const { paths } = resolved({
    components: { schemas: { Row }, 'x/y~': { description: 'ok', content: answer } },
    paths: { '/x': { get: { responses: { 200: { $ref: '#/components/x~1y~0' } } } } },
  });
  const inner = { type: 'object', properties: { row: {} } };
  const content = { 'application/json': { schema: inner } };
  assert.deepEqual(paths, {
    '/x': { get: { responses: { 200: { description: 'ok', content } } } },
  });
});

test('operations stand with those of their tag, without one too', () => {
  const operation = (operationId: string, ...tags: string[]) => ({
    operationId,
    summary: '',
    responses: {},
    tags,
  });
  const groups = operationsByTag({
    info: { title: '', version: '' },
    tags: [{ name: 'b', description: 'Bees' }, { name: 'none' }],
    paths: {
      '/1': { post: operation('one', 'a'), get: operation('two', 'b') },
      '/2': { delete: operation('three', 'a'), put: operation('four') },
    },
  });
  assert.deepEqual(
    groups.map(({ description, operations }) => [
      description,
      ...operations.map(({ operationId, method, path }) => `${operationId} ${method} ${path}`),
    ]),
    [
      ['Bees', 'two GET /1'],
      ['a', 'one POST /1', 'three DELETE /2'],
      ['', 'four PUT /2'],
    ],
  );
});

test('each operation of the operators asks for a key, and its command sends what it needs', () => {
  const key = [{ key: [] }];
  const headers = [
    { name: 'Idempotency-Key', in: 'header' as const, required: true, schema: {} },
    { name: 'If-Match', in: 'header' as const, schema: {} },
  ];
  const operation = { summary: '', responses: {}, parameters: headers };
  const [group] = operationsByTag({
    info: { title: '', version: '' },
    security: key,
    paths: {
      '/1': {
        post: {
          ...operation,
          operationId: 'one',
          requestBody: { content: { 'application/json': { schema: { examples: [{ a: 1 }] } } } },
        },
        put: {
          ...operation,
          operationId: 'two',
          security: [],
          requestBody: { content: { 'text/csv': {} } },
        },
      },
    },
  });
  assert.deepEqual(
    group?.operations.map(({ security }) => security),
    [key, []],
  );
  const view = { m: MESSAGES.en } as View;
  const [first, second] = (group?.operations ?? []).map((one) =>
    operationSection(view, one, 'https://service.invalid').text.replaceAll('&#39;', "'"),
  );
  assert.match(String(first), /Needs an API key.*-H 'Authorization: Bearer YOUR_API_KEY' /s);
  assert.match(String(first), /-H 'Idempotency-Key: YOUR_IDEMPOTENCY_KEY'/);
  assert.match(String(first), /id="one-key"/);
  assert.match(String(first), /--data '{\n {2}&#34;a&#34;: 1\n}'.*<textarea id="one-body"/s);
  assert.match(String(second), /<textarea id="two-body"/);
  assert.match(String(second), /Needs no API key/);
  assert.doesNotMatch(String(second), /Authorization|id="two-key"|If-Match:/);
});

test('a type is told with its variants, limits and members', () => {
  const read = (schema: object, of: 'request' | 'answer' = 'request') =>
    memberList([{ name: '<i>', required: of === 'request', schema }], of, MESSAGES.en)
      .toString()
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim();
  const name = '&#60;i&#62;';
  const variants = { anyOf: [{ items: { const: 'a' } }, { type: ['string', 'null'] }] };
  assert.equal(read(variants), `${name} array of &#34;a&#34; or string or null required`);
  const limited = { type: 'integer', minimum: 1, description: 'A `code`' };
  assert.equal(read(limited, 'answer'), `${name} integer, at least 1 may be absent A code`);
  const text = { type: 'string', maxLength: 3, pattern: '^a$' };
  const object = { type: 'object', required: ['text'], properties: { text, other: {} } };
  const members = 'text string, at most 3 characters, ^a$ required other any';
  assert.equal(
    read({ type: 'array', items: object }),
    `${name} array of object required ${members}`,
  );
});
