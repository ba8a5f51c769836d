import swagger, { type SwaggerTransformObject } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { Face } from './face.ts';

/** A document that is served, and its name in the reference. */
export interface ServedDocument {
  /** such as `v2.1` */
  name: string;
  /** where the document is served, such as `/openapi.json` */
  address: string;
  /** where its reference page is, such as `/docs/` */
  page: string;
  read: () => object;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** the documents of `serveOpenapi`, in the order of its calls */
    documents: ServedDocument[];
  }
}

/** Gathers the routes that are registered afterwards into the OpenAPI document. */
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

/**
 * Serves the document of the gathered routes; any origin may read it. The reference shows it with
 * the other documents.
 */
export function serveOpenapi(
  app: FastifyInstance,
  served: Pick<ServedDocument, 'name' | 'address' | 'page'>,
): void {
  app.documents.push({ ...served, read: () => app.swagger() });
  app.get(served.address, async (_request, reply) =>
    reply
      .type('application/json; charset=utf-8')
      .header('access-control-allow-origin', '*')
      .send(JSON.stringify(app.swagger(), null, 2)),
  );
}
