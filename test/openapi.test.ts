import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { sharedService } from './support/service.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const api = sharedService();

test('the documents pass the linter', async () => {
  const paths = await Promise.all(
    ['', '/v2.2', '/operator'].map(async (version, n) => {
      const path = join(api.folder, `openapi-${n}.json`);
      const document = await fetch(`${api.url}${version}/openapi.json`);
      await writeFile(path, await document.text());
      return path;
    }),
  );
  const lint = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', ...paths],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: {
        ...process.env,
        REDOCLY_TELEMETRY: 'off',
        REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
      },
    },
  );
  assert.equal(lint.status, 0, lint.stdout + lint.stderr);
  assert.doesNotMatch(lint.stderr, /warning/i);
  assert.equal(lint.stderr.match(/validated in/g)?.length, paths.length, lint.stderr);
});

interface Answerable {
  schema: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface OpenapiDocument {
  openapi: string;
  info: { version: string };
  components: { securitySchemes: object };
  paths: Record<
    string,
    {
      post: {
        operationId: string;
        security: object[];
        requestBody: { required: boolean; content: { 'application/json': Answerable } };
        responses: Record<
          string,
          { headers?: object; content: { 'application/json': Answerable } }
        >;
      };
    }
  >;
}

const readDocument = async () =>
  (await (await fetch(`${api.url}/openapi.json`)).json()) as OpenapiDocument;

const OPERATIONS: Record<string, { id: string; key: boolean; own: string[] }> = {
  add: { id: 'accountAdd', key: true, own: ['400', '401', '409', '429'] },
  apikey: { id: 'accountApiKey', key: false, own: ['400', '401', '429'] },
  cdr: { id: 'accountCdr', key: true, own: ['400', '401', '403', '429'] },
  info: { id: 'accountInfo', key: true, own: ['400', '401', '403', '429'] },
  mrc: { id: 'accountMrc', key: true, own: ['400', '401', '403', '429'] },
  recover: { id: 'accountRecover', key: false, own: ['400', '404', '429'] },
  registration: { id: 'accountRegistration', key: true, own: ['400', '401', '403', '404', '429'] },
  signup: { id: 'accountSignup', key: false, own: ['400', '409', '429'] },
};

test('the document has the eight operations with all their statuses', async () => {
  const document = await readDocument();
  assert.match(document.openapi, /^3\.1\./);
  assert.equal(document.info.version, '2.1.6');
  assert.deepEqual(document.components.securitySchemes, {
    apikey: { type: 'http', scheme: 'bearer' },
  });
  const paths = Object.keys(OPERATIONS).map((name) => `/v2.1/account/${name}/`);
  assert.deepEqual(Object.keys(document.paths), paths);
  for (const [name, { id, key, own }] of Object.entries(OPERATIONS)) {
    const methods = document.paths[`/v2.1/account/${name}/`];
    assert.ok(methods);
    assert.deepEqual(Object.keys(methods), ['post']);
    const { operationId, security, responses, requestBody } = methods.post;
    assert.equal(operationId, id);
    assert.deepEqual(security, key ? [{ apikey: [] }] : []);
    assert.equal(requestBody.required, !key || name === 'add');
    assert.deepEqual(Object.keys(responses).sort(), [
      ...['200', ...own, '413', '415', '431', '500', '503'].sort(),
    ]);
    for (const [status, { headers = {} }] of Object.entries(responses)) {
      const expected = { 401: 'WWW-Authenticate', 429: 'Retry-After', 503: 'Retry-After' }[status];
      assert.deepEqual(Object.keys(headers), expected ? [expected] : []);
    }
  }
});

test('every body and answer has examples, which fit their schemas', async () => {
  const document = await readDocument();
  const ajv = new Ajv2020({ strict: false, formats: { 'email-address': /@/ } });
  const check = (what: string, { schema, example, examples = {} }: Answerable) => {
    const values = Object.values(examples).map(({ value }) => value);
    if (example !== undefined) values.push(example);
    assert.ok(values.length > 0, `${what} has no example`);
    for (const value of values) {
      assert.ok(ajv.validate(schema, value), `${what}: ${ajv.errorsText()}`);
    }
    return values as Record<string, unknown>[];
  };
  for (const { post } of Object.values(document.paths)) {
    check(`${post.operationId} body`, post.requestBody.content['application/json']);
    for (const [status, { content }] of Object.entries(post.responses)) {
      const values = check(`${post.operationId} ${status}`, content['application/json']);
      for (const value of values) {
        assert.equal(value.statusCode, status);
        assert.equal(value.status, status === '200' ? 'Success' : 'Error');
      }
    }
  }
});

const PAGES = { '/docs/': '/openapi.json', '/docs/v2.2/': '/v2.2/openapi.json' };

test('the reference has a page for each document, made from it, which loads nothing from elsewhere', async () => {
  for (const [path, address] of Object.entries(PAGES)) {
    const document = (await (await fetch(`${api.url}${address}`)).json()) as OpenapiDocument;
    const response = await fetch(`${api.url}${path}`);
    assert.equal(response.status, 200);
    const text = await response.text();
    assert.match(
      text,
      new RegExp(`<a [^>]*href="${address}" download="account-api-v2.[12].json">`),
    );
    for (const page of Object.keys(PAGES)) assert.ok(text.includes(`<a href="${page}"`), page);
    for (const [place, methods] of Object.entries(document.paths)) {
      for (const { operationId, responses } of Object.values(methods)) {
        const section = text.split(`<section class="panel operation" id="${operationId}"`)[1] ?? '';
        const [own = ''] = section.split('</section>');
        assert.ok(own.includes(`<code>${place}</code>`), operationId);
        const statuses = [...own.matchAll(/<span class="status \w+">(\d+)</g)].map(
          ([, code]) => code,
        );
        assert.deepEqual(statuses, Object.keys(responses), operationId);
      }
    }
    const links = [...text.matchAll(/ (?:src|href)="([^"#][^"]*)"/g)].map(([, url = '']) => url);
    assert.ok(links.length >= 8);
    for (const link of links) {
      assert.match(link, /^(\/(?!\/)|data:,$)/);
      if (!link.startsWith('/')) continue;
      assert.equal((await fetch(`${api.url}${link}`)).status, 200, link);
    }
    assert.equal(
      response.headers.get('content-security-policy'),
      (await fetch(api.url)).headers.get('content-security-policy'),
    );
  }
});

test('the reference is in the language of the browser', async () => {
  const headers = { 'accept-language': 'de' };
  const response = await fetch(`${api.url}/docs/v2.2/`, { headers });
  const text = await response.text();
  assert.match(text, /<html lang="de">/);
  assert.match(text, /<summary>Ausprobieren<\/summary>/);
  assert.match(text, /<h2 [^>]*lang="en">Get the account<\/h2>/);
  assert.equal(response.headers.get('vary'), 'Accept-Language, Accept-Encoding');
});
