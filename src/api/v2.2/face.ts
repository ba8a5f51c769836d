import type { Refusal, RefusalReason } from '../../domain/refusal.ts';
import { bearerKey } from '../../http/bearer-key.ts';
import type { Face, Route } from '../../http/face.ts';
import { type TSchema, Type } from '../../http/schema.ts';
import { reasonPhrase, statusOfRefusal } from '../../http/status.ts';

const WORDS: Partial<Record<RefusalReason, string>> = {
  unauthorized: 'Unauthorized',
  'administrator required': 'Administrator access required',
  'wrong credentials': 'Invalid username or password',
  'not registered': 'Not registered',
  'address not found': 'Email address not found',
  'creation failed': 'Account creation failed',
};

const at = (method: Route['method'], path: string, status: Route['status'] = 200): Route => ({
  method,
  paths: [`/v2.2/${path}`],
  status,
});

function word({ reason, field, requirement, message }: Refusal): string {
  if (reason === 'field required') return `Field Required: ${field}`;
  if (reason === 'field invalid') return `Field Invalid: ${field}: ${requirement}`;
  return (reason && WORDS[reason]) ?? message;
}

/**
 * The wire format of v2.2: methods and paths of resources, the key only in the header. `message`
 * beside `error` is for clients that do not read `error`.
 */
export const face: Face = {
  // Operations that v2.1 also has use the same names, under which their requests are counted.
  routes: {
    apikey: at('POST', 'account/api-key'),
    info: at('GET', 'account'),
    change: at('PUT', 'account'),
    add: at('POST', 'account', 201),
    signup: at('POST', 'accounts', 201),
    cdr: at('GET', 'account/cdr'),
    credits: at('GET', 'account/credits'),
    recover: at('POST', 'account/recovery'),
    payments: at('GET', 'account/payments'),
    mrc: at('GET', 'account/recurring-charges'),
    registration: at('GET', 'account/registration'),
  },
  status: (refusal) =>
    refusal.reason === 'administrator required' ? 403 : statusOfRefusal(refusal),
  failure: (status, refusal) => {
    const message = refusal ? word(refusal) : reasonPhrase(status);
    const error = { code: status, message };
    // The message of a field contains its requirement.
    const requirement = refusal?.reason ? undefined : refusal?.requirement;
    return {
      status: 'error',
      message,
      error: requirement === undefined ? error : { ...error, requirement },
    };
  },
  success: (members) => `{"status":"success","data":{${members}}}`,
  read: ({ method, body, query, headers }) => ({
    fields: ((['GET', 'HEAD'].includes(method) ? query : body) ?? {}) as Record<string, unknown>,
    key: bearerKey(headers.authorization),
  }),
  checksKeyFirst: true,
  requestHeaders: 'Authorization, Content-Type, Idempotency-Key, User-Agent',
  document: {
    security: 'bearerAuth',
    success: (members) =>
      Type.Object({ status: Type.Literal('success'), data: Type.Object(members) }),
    failure: (status): Record<string, TSchema> => ({
      status: Type.Literal('error'),
      message: Type.String({ description: 'What is wrong' }),
      error: Type.Object({
        code: Type.Integer({ const: status }),
        message: Type.String({ description: 'The same' }),
        ...(status === 400 ? { requirement: Type.Optional(Type.String()) } : {}),
      }),
    }),
  },
};
