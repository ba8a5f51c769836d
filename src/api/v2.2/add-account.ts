import { USERNAME_REQUIREMENT } from '../../domain/account-name.ts';
import {
  administratorRequired,
  creationFailed,
  fieldRequired,
  invalidField,
  rateLimited,
  unauthorized,
} from '../../domain/refusal.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { addAccountFields, addAskedAccount } from '../common/add-account.ts';
import { createdAccount, createdAccountExample, createdAccountText } from './created-account.ts';

export const addSubaccount = operation({
  name: 'add',
  operationId: 'accountSubaccountCreate',
  summary: 'Add a sub-account',
  description: 'Creates an account with a given username. For administrators.',
  auth: 'administrator',
  once: true,
  required: ['username', 'name', 'email'],
  body: Type.Object(addAccountFields),
  success: { ...createdAccount, masterAccount: Type.String() },
  example: { ...createdAccountExample, masterAccount: '4592086960' },
  refusals: [
    fieldRequired('name'),
    invalidField('username', USERNAME_REQUIREMENT),
    unauthorized(),
    administratorRequired(),
    creationFailed(),
    rateLimited(3_600),
  ],
  handle: async (call) => {
    const account = await addAskedAccount(call);
    return `${createdAccountText(account)},"masterAccount":"${account.masterAccount}"`;
  },
});
