import type { FastifyInstance, FastifyRequest } from 'fastify';
import { allowOrigins } from '../../http/cors.ts';
import { ignoreTypeOfNothing, parseBody, registerOperation } from '../../http/operation.ts';
import type { Service } from '../../service.ts';
import { add } from './add.ts';
import { apikey } from './apikey.ts';
import { cdr } from './cdr.ts';
import { info } from './info.ts';
import { mrc } from './mrc.ts';
import { recover } from './recover.ts';
import { registration } from './registration.ts';
import { signup } from './signup.ts';

/** The eight operations of the Account API v2.1. */
export async function accountApi(app: FastifyInstance, service: Service): Promise<void> {
  allowOrigins(app, service.config.corsOrigins);
  app.addHook('onRequest', ignoreTypeOfNothing);
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, raw: Buffer) => parseBody(request, raw),
  );
  registerOperation(app, service, add);
  registerOperation(app, service, apikey);
  registerOperation(app, service, cdr);
  registerOperation(app, service, info);
  registerOperation(app, service, mrc);
  registerOperation(app, service, recover);
  registerOperation(app, service, registration);
  registerOperation(app, service, signup);
}
