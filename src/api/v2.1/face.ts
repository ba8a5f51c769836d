import { bearerKey } from '../../http/bearer-key.ts';
import type { Face, Route } from '../../http/face.ts';
import { plainEnvelopeWith, successBody } from '../../http/plain-envelope.ts';
import { type TSchema, Type } from '../../http/schema.ts';

const envelope = plainEnvelopeWith({
  unauthorized: 'Unauthorized',
  'administrator required': 'Unauthorized — administrator access required',
  'wrong credentials': 'Invalid username or password',
  'not registered': 'Not registered',
  'address not found': 'Email address not found',
  'creation failed': 'Account creation failed',
  'rate limited': 'Rate limit exceeded',
});

const at = (operation: string): Route => ({
  method: 'POST',
  paths: [`/v2.1/account/${operation}/`, `/v2.1/account/${operation}`],
  status: 200,
});

const requirement = Type.Optional(Type.String({ description: 'What the value must be' }));

/** The wire format of v2.1: POST for all operations, the key in the header or in the body. */
export const face: Face = {
  ...envelope,
  success: successBody,
  routes: {
    add: at('add'),
    apikey: at('apikey'),
    cdr: at('cdr'),
    info: at('info'),
    mrc: at('mrc'),
    recover: at('recover'),
    registration: at('registration'),
    signup: at('signup'),
  },
  read: ({ body, headers }) => {
    const { apikey, ...fields } = (body ?? {}) as Record<string, unknown>;
    return { fields, key: bearerKey(headers.authorization) ?? apikey };
  },
  checksKeyFirst: false,
  requestHeaders: 'Authorization, Content-Type',
  document: {
    security: 'apikey',
    success: (members) =>
      Type.Object({
        statusCode: Type.Literal('200'),
        status: Type.Literal('Success'),
        ...members,
      }),
    failure: (status): Record<string, TSchema> => ({
      statusCode: Type.Literal(String(status)),
      status: Type.Literal('Error'),
      message: Type.String({ description: 'What is wrong' }),
      ...(status === 400 ? { requirement } : {}),
    }),
  },
};
