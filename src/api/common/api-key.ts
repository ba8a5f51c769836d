import { USERNAME_REQUIREMENT } from '../../domain/account-name.ts';
import {
  fieldRequired,
  invalidField,
  rateLimited,
  wrongCredentials,
} from '../../domain/refusal.ts';
import { usernameField } from '../../http/fields.ts';
import { answerKey } from '../../http/key-for-password.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

/** `apikey` of v2.1, which is `account/api-key` of v2.2. */
export const apiKey = operation({
  name: 'apikey',
  operationId: 'accountApiKey',
  summary: 'Get the API key',
  description:
    "Answers the account's current key, the same one until the password or the key is changed.",
  auth: 'none',
  required: ['username', 'password'],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({
    username: usernameField('Username of the account'),
    password: Type.String({
      description: 'Password of the account',
      examples: ['k7Tq29mXwa'],
      'x-requirement': 'Must be a string',
    }),
  }),
  success: { apikey: Type.String() },
  example: { apikey: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' },
  refusals: [
    fieldRequired('username'),
    invalidField('username', USERNAME_REQUIREMENT),
    wrongCredentials(),
    rateLimited(3_600),
  ],
  handle: async (call) => `"apikey":"${await answerKey(call, call.body)}"`,
});
