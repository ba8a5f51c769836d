import type { SwaggerTransformObject } from '@fastify/swagger';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { Face } from './face.ts';
import { COMPILERS } from './validation.ts';

/** A document that is served, and its name in the reference. */
export interface ServedDocument {
  /** such as `v2.1` */
  name: string;
  /** where the document is served, such as `/openapi.json` */
  address: string;
  /** where its reference page is, such as `/docs/` */
  page: string;
  read: () => Promise<object>;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** the documents of `serveOpenapi`, in the order of its calls */
    documents: ServedDocument[];
  }
}

/**
 * Gathers the routes that are registered afterwards.
 * @returns makes their OpenAPI document
 */
export function gatherOpenapi(
  app: FastifyInstance,
  face: Face,
  about: { version: string; description: string },
): () => Promise<object> {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD') routes.push(route);
  });
  let document: Promise<object> | undefined;
  return () => {
    document ??= makeDocument(routes, face, about);
    return document;
  };
}

/** Makes it from routes of a second Fastify, because loading the plugin would delay each start. */
async function makeDocument(
  routes: RouteOptions[],
  { document: { security } }: Face,
  { version, description }: { version: string; description: string },
): Promise<object> {
  const { default: Fastify } = await import('fastify');
  const { default: swagger } = await import('@fastify/swagger');
  const app = Fastify({
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: COMPILERS },
  });
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
  for (const { method, url, schema = {} } of routes) {
    app.route({ method, url, schema, handler: () => undefined });
  }
  await app.ready();
  return app.swagger();
}

/** Marks bodies as required only if they have required members; the plugin cannot do this. */
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

/** Serves a document; any origin may read it. The reference shows it with the other documents. */
export function serveOpenapi(app: FastifyInstance, served: ServedDocument): void {
  app.documents.push(served);
  let bytes: Buffer | undefined;
  app.get(served.address, async (_request, reply) => {
    bytes ??= Buffer.from(JSON.stringify(await served.read(), null, 2));
    return reply
      .type('application/json; charset=utf-8')
      .header('access-control-allow-origin', '*')
      .send(bytes);
  });
}
