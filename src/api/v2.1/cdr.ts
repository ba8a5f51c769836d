import { fieldRequired, invalidField, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { apikeyField, SECONDS_REQUIREMENT } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import {
  answerCallDetailRecords,
  callDetailRecords,
  callDetailRecordsExample,
  rangeFields,
} from '../common/call-detail-records.ts';
import { face } from './face.ts';

export const cdr = operation({
  name: 'cdr',
  operationId: 'accountCdr',
  summary: 'Get the call detail records',
  description:
    "The account's calls, newest first. `start` is the newer bound and `end` the older one; " +
    'both are included.',
  auth: 'key',
  required: ['apikey'],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({ apikey: apikeyField, ...rangeFields }),
  success: callDetailRecords,
  example: callDetailRecordsExample,
  refusals: [
    fieldRequired('apikey'),
    invalidField('start', SECONDS_REQUIREMENT),
    unauthorized(),
    rateLimited(3_600),
  ],
  handle: (call) => answerCallDetailRecords(call, face.success),
  byKey: (service, { caller, digest }) =>
    answerCallDetailRecords({ service, caller, keyDigest: digest, body: {} }, face.success),
});
