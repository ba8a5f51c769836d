import { signUp } from '../../domain/account/new-account.ts';
import { creationFailed, fieldRequired, invalidField, rateLimited } from '../../domain/refusal.ts';
import {
  createdAccountExample,
  createdAccountField,
  EMAIL_REQUIREMENT,
  emailField,
  nameField,
} from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

export const signup = operation({
  name: 'signup',
  operationId: 'accountSignup',
  summary: 'Sign up',
  description:
    'Creates an account that pays for itself, with a generated username and password, and sends ' +
    'a mail to verify the address. The password is shown in this answer only.',
  auth: 'none',
  required: ['name', 'email'],
  limit: ({ config }) => config.signupLimitPerHour,
  body: Type.Object({
    name: nameField,
    email: emailField,
    promo: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Promotion code, credited once the address is verified',
        examples: ['WELCOME5'],
        'x-requirement': 'Must be a valid promotion code',
      }),
    ),
  }),
  success: { account: createdAccountField, message: Type.String() },
  example: createdAccountExample,
  refusals: [
    fieldRequired('name'),
    invalidField('email', EMAIL_REQUIREMENT),
    creationFailed(),
    rateLimited(3_600),
  ],
  handle: async ({ service: { db, keyring, queue, config, clock }, body }) => {
    const tools = {
      keyring,
      queue,
      now: clock(),
      rate: config.defaultRate,
      sipRealm: config.sipRealm,
    };
    const account = await signUp(db, tools, body);
    return `"account":${JSON.stringify(account)},"message":"Account Information"`;
  },
});
