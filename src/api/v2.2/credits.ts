import { invalidField, rateLimited, unauthorized } from '../../domain/refusal.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { creditRecords } from './ledger-record.ts';

const STATUS_REQUIREMENT = 'Must be paid or unpaid';

export const credits = operation({
  name: 'credits',
  operationId: 'accountCredits',
  summary: 'Get the credits',
  description:
    'Promotions, adjustments in favour of the account and credits on invoice, newest first, at ' +
    'most 10,000. A credit on invoice is paid once a payment has settled it; for the others ' +
    'nothing is owed, so they are paid.',
  auth: 'key',
  required: [],
  body: Type.Object({
    status: Type.Optional(
      Type.Enum(['paid', 'unpaid'], {
        description: 'Only those that are paid, or are not',
        'x-requirement': STATUS_REQUIREMENT,
      }),
    ),
  }),
  success: {
    credits: Type.Array(
      Type.Object({
        amount: Type.Number(),
        paid: Type.Boolean(),
        date: Type.String({ format: 'date-time' }),
      }),
    ),
  },
  example: { credits: [{ amount: 5, paid: true, date: '2026-05-18T12:00:00Z' }] },
  refusals: [invalidField('status', STATUS_REQUIREMENT), unauthorized(), rateLimited(3_600)],
  handle: async ({ service: { db }, caller, body }) => {
    const { username } = await caller();
    const paid = body.status === undefined ? undefined : body.status === 'paid';
    return `"credits":${await creditRecords(db, username, paid)}`;
  },
});
