import { addAccount } from '../../domain/account/new-account.ts';
import { USERNAME_REQUIREMENT } from '../../domain/account-name.ts';
import { administratorAt } from '../../domain/audit.ts';
import {
  administratorRequired,
  creationFailed,
  fieldRequired,
  invalidField,
  rateLimited,
} from '../../domain/refusal.ts';
import {
  apikeyField,
  createdAccountExample,
  createdAccountField,
  emailField,
  nameField,
  usernameField,
} from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

export const add = operation({
  name: 'add',
  operationId: 'accountAdd',
  summary: 'Add a sub-account',
  description: 'Creates an account with a given username. For administrators.',
  auth: 'administrator',
  required: ['apikey', 'name', 'username', 'email'],
  body: Type.Object({
    apikey: apikeyField,
    name: nameField,
    username: usernameField('Username of the new account'),
    email: emailField,
    masterAccount: Type.Optional(
      usernameField(
        'Billing account, which must pay for itself; left out, the account pays for itself',
      ),
    ),
  }),
  success: { account: createdAccountField, message: Type.String() },
  example: createdAccountExample,
  refusals: [
    fieldRequired('apikey'),
    invalidField('username', USERNAME_REQUIREMENT),
    administratorRequired(),
    creationFailed(),
    rateLimited(3_600),
  ],
  handle: async ({ service: { db, keyring, config, clock }, body, caller, clientAddress }) => {
    const username = Number(body.username);
    const actor = administratorAt((await caller()).username, `api ${clientAddress}`);
    const account = await addAccount(db, actor, keyring, {
      name: body.name,
      username,
      email: body.email,
      masterAccount: Number(body.masterAccount ?? username),
      role: 'customer',
      rate: config.defaultRate,
      sipRealm: config.sipRealm,
      now: clock(),
    });
    return `"account":${JSON.stringify(account)},"message":"Account Information"`;
  },
});
