import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Service } from '../service.ts';
import { allowOrigins, answerPreflight } from './cors.ts';
import type { Face } from './face.ts';
import { answerErrors } from './failures.ts';
import { ignoreTypeOfNothing, parseBody } from './operation.ts';

/** Routes that are registered afterwards use a face's failures, bodies and allowed origins. */
export function openFace(app: FastifyInstance, { config }: Service, face: Face): void {
  app.setErrorHandler(answerErrors(face));
  allowOrigins(app, config.corsOrigins);
  app.addHook('onRequest', ignoreTypeOfNothing);
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, raw: Buffer) => parseBody(request, raw),
  );
  const methods = new Map<string, string[]>();
  for (const { method, paths } of Object.values(face.routes)) {
    for (const path of paths) methods.set(path, [...(methods.get(path) ?? []), method]);
  }
  for (const [path, ofPath] of methods) {
    const allowed = { methods: ofPath.join(', '), headers: face.requestHeaders };
    answerPreflight(app, path, allowed, config.corsOrigins);
  }
}
