import type { FastifyInstance } from 'fastify';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { operatorDocument } from './framework/document.ts';
import { TITLES } from './framework/problem.ts';
import { answerNoRoute, registerRoutes } from './framework/register.ts';
import { BASE } from './framework/route.ts';
import { ROUTES } from './routes.ts';

/** The operators' API v1, for systems of the operator. */
export async function operatorApi(app: FastifyInstance, service: Service): Promise<void> {
  await app.register(
    async (routes) => {
      registerRoutes(routes, service, ROUTES);
      routes.get('/problems/:code', async (request, reply) => {
        const { code } = request.params as { code: string };
        if (!Object.hasOwn(TITLES, code)) return reply.callNotFound();
        return reply.type('text/html; charset=utf-8').send(problemPage(code).text);
      });
    },
    { prefix: BASE },
  );
  const address = '/operator/openapi.json';
  let document: object | undefined;
  const read = async () => {
    document ??= operatorDocument(ROUTES);
    return document;
  };
  app.documents.push({ name: 'operator', address, page: '/docs/operator/', read });
  let bytes: Buffer | undefined;
  app.get(address, async (_request, reply) => {
    bytes ??= Buffer.from(JSON.stringify(await read(), null, 2));
    return reply.type('application/json; charset=utf-8').send(bytes);
  });
}

/** Answers unknown paths of the operators' API. */
export const answerNoOperatorRoute = answerNoRoute(ROUTES);

/** The page that the `type` of a problem links to. */
const problemPage = (code: string) => html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${code}</title><link rel="icon" href="data:,"></head>
<body><h1>${code}</h1><p>${TITLES[code] ?? ''}.</p><p><a href="/docs/operator/">Operators' API</a></p></body>
</html>
`;
