import type { FastifyInstance } from 'fastify';
import { openFace } from '../../http/open-face.ts';
import { gatherOpenapi, serveOpenapi } from '../../http/openapi.ts';
import { registerOperation } from '../../http/operation.ts';
import type { Service } from '../../service.ts';
import { apiKey } from '../common/api-key.ts';
import { add } from './add.ts';
import { cdr } from './cdr.ts';
import { face } from './face.ts';
import { info } from './info.ts';
import { mrc } from './mrc.ts';
import { recover } from './recover.ts';
import { registration } from './registration.ts';
import { signup } from './signup.ts';

const DOCUMENT = {
  version: '2.1.6',
  description: 'Every path answers the same without its last slash.',
};

/** The eight operations of the Account API v2.1. */
export async function accountApi(app: FastifyInstance, service: Service): Promise<void> {
  const read = gatherOpenapi(app, face, DOCUMENT);
  openFace(app, service, face);
  registerOperation(app, service, face, add);
  registerOperation(app, service, face, apiKey);
  registerOperation(app, service, face, cdr);
  registerOperation(app, service, face, info);
  registerOperation(app, service, face, mrc);
  registerOperation(app, service, face, recover);
  registerOperation(app, service, face, registration);
  registerOperation(app, service, face, signup);
  serveOpenapi(app, { name: 'v2.1', address: '/openapi.json', page: '/docs/', read });
}
