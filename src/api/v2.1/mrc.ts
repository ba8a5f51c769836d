import { fieldRequired, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { apikeyField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { monthlyCharges } from './monthly-charges.ts';

export const mrc = operation({
  name: 'mrc',
  operationId: 'accountMrc',
  summary: 'Get the monthly recurring charges',
  description:
    'One object for each service with its monthly sum, then `did` for the phone ' +
    'numbers, then `total`. A billing account sees what it pays, also for the accounts billed to it.',
  auth: 'key',
  required: ['apikey'],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({ apikey: apikeyField }),
  success: { mrc: Type.Array(Type.Record(Type.Number())) },
  example: { mrc: [{ E911: 1.5 }, { did: 2 }, { total: 3.5 }] },
  refusals: [fieldRequired('apikey'), unauthorized(), rateLimited(3_600)],
  handle: async ({ service: { db }, keyDigest }) =>
    `"mrc":${await monthlyCharges(db, await keyDigest())}`,
});
