import type { FastifyInstance } from 'fastify';
import { openFace } from '../../http/open-face.ts';
import { gatherOpenapi, serveOpenapi } from '../../http/openapi.ts';
import { registerOperation } from '../../http/operation.ts';
import type { Service } from '../../service.ts';
import { apiKey } from '../common/api-key.ts';
import { addSubaccount } from './add-account.ts';
import { getCallDetailRecords } from './cdr.ts';
import { credits } from './credits.ts';
import { face } from './face.ts';
import { getAccount } from './get-account.ts';
import { payments } from './payments.ts';
import { recovery } from './recovery.ts';
import { recurringCharges } from './recurring-charges.ts';
import { getRegistration } from './registration.ts';
import { signUpAccount } from './sign-up.ts';
import { updateAccount } from './update-account.ts';

const DOCUMENT = {
  version: '2.2.10',
  description:
    'An operation shares its hourly limit with that of v2.1 that does the same. `null` in a ' +
    'request means not given.',
};

/** The eleven account operations of the Account API v2.2. */
export async function accountApiV22(app: FastifyInstance, service: Service): Promise<void> {
  const read = gatherOpenapi(app, face, DOCUMENT);
  openFace(app, service, face);
  registerOperation(app, service, face, apiKey);
  registerOperation(app, service, face, getAccount);
  registerOperation(app, service, face, updateAccount);
  registerOperation(app, service, face, addSubaccount);
  registerOperation(app, service, face, signUpAccount);
  registerOperation(app, service, face, getCallDetailRecords);
  registerOperation(app, service, face, credits);
  registerOperation(app, service, face, recovery);
  registerOperation(app, service, face, payments);
  registerOperation(app, service, face, recurringCharges);
  registerOperation(app, service, face, getRegistration);
  serveOpenapi(app, { name: 'v2.2', address: '/v2.2/openapi.json', page: '/docs/v2.2/', read });
}
