import type { FastifyInstance, FastifyRequest } from 'fastify';
import { allowOrigins } from '../../http/cors.ts';
import { answerErrors } from '../../http/failures.ts';
import { ignoreTypeOfNothing, parseBody, registerOperation } from '../../http/operation.ts';
import type { Service } from '../../service.ts';
import { add } from './add.ts';
import { apikey } from './apikey.ts';
import { cdr } from './cdr.ts';
import { face } from './face.ts';
import { info } from './info.ts';
import { mrc } from './mrc.ts';
import { recover } from './recover.ts';
import { registration } from './registration.ts';
import { signup } from './signup.ts';

/** The eight operations of the Account API v2.1. */
export async function accountApi(app: FastifyInstance, service: Service): Promise<void> {
  app.setErrorHandler(answerErrors(face));
  allowOrigins(app, service.config.corsOrigins);
  app.addHook('onRequest', ignoreTypeOfNothing);
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, raw: Buffer) => parseBody(request, raw),
  );
  registerOperation(app, service, face, add);
  registerOperation(app, service, face, apikey);
  registerOperation(app, service, face, cdr);
  registerOperation(app, service, face, info);
  registerOperation(app, service, face, mrc);
  registerOperation(app, service, face, recover);
  registerOperation(app, service, face, registration);
  registerOperation(app, service, face, signup);
}
