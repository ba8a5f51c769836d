import { invalidField, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { SECONDS_REQUIREMENT } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import {
  answerCallDetailRecords,
  callDetailRecords,
  callDetailRecordsExample,
  rangeFields,
} from '../common/call-detail-records.ts';
import { face } from './face.ts';

export const getCallDetailRecords = operation({
  name: 'cdr',
  operationId: 'accountCdr',
  summary: 'Get the call detail records',
  description:
    "The account's calls, newest first. `start` is the newer bound and `end` the older one; " +
    'both are included. Given the other way round they mean the same range.',
  auth: 'key',
  required: [],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object(rangeFields),
  success: {
    start: Type.Integer({ description: 'The newer bound' }),
    end: Type.Integer({ description: 'The older bound' }),
    ...callDetailRecords,
  },
  example: { start: 1747353600, end: 1747267200, ...callDetailRecordsExample },
  refusals: [invalidField('start', SECONDS_REQUIREMENT), unauthorized(), rateLimited(3_600)],
  handle: (call) =>
    answerCallDetailRecords(call, face.success, ({ from, to }) => `"start":${to},"end":${from},`),
});
