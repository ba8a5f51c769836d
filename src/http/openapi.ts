import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import swagger, { type SwaggerTransformObject } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { html } from '../html.ts';
import type { Face } from './face.ts';

const REDOC = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js');
// Redoc writes style elements and names a logo on a host of its own; only the first is let in.
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'";

/** Gathers the routes that are registered after it into the OpenAPI document. */
export async function gatherOpenapi(
  app: FastifyInstance,
  { document: { security } }: Face,
  { version, description }: { version: string; description: string },
): Promise<void> {
  await app.register(swagger, {
    hideUntagged: true,
    transformObject: requireBodiesThatAre,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Account API',
        version,
        description:
          'Accounts of a VoIP carrier: signup, credentials, balance, call records, monthly ' +
          `charges and SIP registration. ${description}`,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'This service' }],
      tags: [{ name: 'account', description: 'Accounts' }],
      components: { securitySchemes: { [security]: { type: 'http', scheme: 'bearer' } } },
    },
  });
}

/** A body without required members may be left out, which the plugin cannot be told. */
function requireBodiesThatAre(document: Parameters<SwaggerTransformObject>[0]) {
  if (!('openapiObject' in document)) throw new TypeError('not an OpenAPI document');
  const { openapiObject } = document;
  for (const path of Object.values(openapiObject.paths ?? {})) {
    for (const { requestBody: body } of [path?.post ?? {}, path?.put ?? {}]) {
      if (!body || !('content' in body)) continue;
      const schema = body.content['application/json']?.schema;
      body.required = schema !== undefined && 'required' in schema && schema.required !== undefined;
    }
  }
  return openapiObject;
}

/** Serves the document of the routes that were gathered; any origin may read it. */
export function serveOpenapi(app: FastifyInstance, path: string): void {
  app.get(path, async (_request, reply) =>
    reply
      .type('application/json; charset=utf-8')
      .header('access-control-allow-origin', '*')
      .send(JSON.stringify(app.swagger(), null, 2)),
  );
}

/** Serves a reference page of each document: `/docs/` and `/docs/v2.2/`. */
export async function serveReference(app: FastifyInstance): Promise<void> {
  const bundle = await readFile(REDOC);
  app.get('/docs/redoc.js', async (_request, reply) =>
    reply
      .type('text/javascript; charset=utf-8')
      .header('cache-control', 'max-age=3600')
      .send(bundle),
  );
  for (const [path, document] of REFERENCES) {
    const { text } = page(document);
    app.get(path, async (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', DOCS_POLICY)
        .send(text),
    );
  }
}

/** The page of each document. */
const REFERENCES = [
  ['/docs/', '/openapi.json'],
  ['/docs/v2.2/', '/v2.2/openapi.json'],
] as const;

const page = (document: string) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Account API</title>
<link rel="icon" href="data:,">
</head>
<body>
<p><a href="/docs/">v2.1</a> <a href="/docs/v2.2/">v2.2</a>
<a href="${document}" download="openapi.json">Download OpenAPI specification</a></p>
<redoc spec-url="${document}" hide-download-button></redoc>
<script src="/docs/redoc.js"></script>
</body>
</html>
`;
