import type { Database } from '../../db/database.ts';
import { fieldRequired, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { apikeyField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { accountRecord } from './account-record.ts';

const members = async (db: Database, digest: Buffer) =>
  `"account":[${await accountRecord(db, digest)}]`;

export const info = operation({
  name: 'info',
  operationId: 'accountInfo',
  summary: 'Get the account information',
  description:
    "The account's one record. `cash` is its balance: 0 where another account pays for " +
    'it, unless that one lets it see the balance. ' +
    '`rate` is the price of a minute.',
  auth: 'key',
  required: ['apikey'],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({ apikey: apikeyField }),
  success: {
    account: Type.Array(
      Type.Object({
        name: Type.String(),
        rate: Type.Number(),
        enabled: Type.Boolean(),
        notify_threshold: Type.Integer(),
        username: Type.String(),
        caller_id: Type.String(),
        notify: Type.Boolean(),
        email: Type.String(),
        created: Type.String(),
        cash: Type.Number(),
      }),
    ),
  },
  example: {
    account: [
      {
        name: 'Example Company',
        rate: 0.0075,
        enabled: true,
        notify_threshold: 5,
        username: '4592086960',
        caller_id: '8008786160',
        notify: true,
        email: 'user@example.com',
        created: '2020-01-15T12:00:00+00:00',
        cash: 25.5,
      },
    ],
  },
  refusals: [fieldRequired('apikey'), unauthorized(), rateLimited(3_600)],
  handle: async ({ service: { db }, keyDigest }) => members(db, await keyDigest()),
  byKey: async ({ db }, { digest }) => members(db, await digest()),
});
