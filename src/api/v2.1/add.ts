import { USERNAME_REQUIREMENT } from '../../domain/account-name.ts';
import {
  administratorRequired,
  creationFailed,
  fieldRequired,
  invalidField,
  rateLimited,
} from '../../domain/refusal.ts';
import { apikeyField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { addAccountFields, addAskedAccount } from '../common/add-account.ts';
import { createdAccount, createdAccountExample, createdAccountText } from './created-account.ts';

export const add = operation({
  name: 'add',
  operationId: 'accountAdd',
  summary: 'Add a sub-account',
  description: 'Creates an account with a given username. For administrators.',
  auth: 'administrator',
  required: ['apikey', 'name', 'username', 'email'],
  body: Type.Object({ apikey: apikeyField, ...addAccountFields }),
  success: createdAccount,
  example: createdAccountExample,
  refusals: [
    fieldRequired('apikey'),
    invalidField('username', USERNAME_REQUIREMENT),
    administratorRequired(),
    creationFailed(),
    rateLimited(3_600),
  ],
  handle: async (call) => createdAccountText(await addAskedAccount(call)),
});
