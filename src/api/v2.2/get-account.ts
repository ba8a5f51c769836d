import { rateLimited, unauthorized } from '../../domain/refusal.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { accountMembers } from './account-record.ts';

export const getAccount = operation({
  name: 'info',
  operationId: 'accountGet',
  summary: 'Get the account',
  description:
    '`cash` is the balance. It is left out where another account pays, unless that one lets the ' +
    'account see the balance. `rates.nibble` is the price of a ' +
    'minute. `ccs` is left out where there is no limit of calls at once, `callerId` where none is ' +
    'set.',
  auth: 'key',
  required: [],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({}),
  success: {
    username: Type.String(),
    name: Type.String(),
    email: Type.String(),
    enabled: Type.Boolean(),
    created: Type.String({ format: 'date-time' }),
    cash: Type.Optional(Type.Number()),
    callerId: Type.Optional(Type.String({ pattern: '^[2-9]\\d{2}[2-9]\\d{2}\\d{4}$' })),
    timezone: Type.String(),
    authType: Type.Integer({ description: '0: SIP digest' }),
    ccs: Type.Optional(Type.Integer({ description: 'Calls at once' })),
    notify: Type.Boolean(),
    notifyThreshold: Type.Integer(),
    rates: Type.Object({
      nibble: Type.Number(),
      intlMax: Type.Optional(Type.Number({ description: 'The highest rate that is allowed' })),
    }),
  },
  example: {
    username: '4592086960',
    name: 'Example Company',
    email: 'user@example.com',
    enabled: true,
    created: '2020-01-15T12:00:00Z',
    cash: 25.5,
    callerId: '2015551234',
    timezone: 'America/Chicago',
    authType: 0,
    ccs: 10,
    notify: true,
    notifyThreshold: 5,
    rates: { nibble: 0.0075 },
  },
  refusals: [unauthorized(), rateLimited(3_600)],
  handle: async ({ service: { db }, keyDigest }) => accountMembers(db, await keyDigest()),
});
