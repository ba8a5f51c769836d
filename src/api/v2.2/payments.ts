import { rateLimited, unauthorized } from '../../domain/refusal.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';
import { paymentRecords } from './ledger-record.ts';

export const payments = operation({
  name: 'payments',
  operationId: 'accountPayments',
  summary: 'Get the payments',
  description:
    "The account's payments, newest first, at most 10,000. `transactionId` is left out where none " +
    'is known.',
  auth: 'key',
  required: [],
  body: Type.Object({}),
  success: {
    payments: Type.Array(
      Type.Object({
        amount: Type.Number(),
        date: Type.String({ format: 'date-time' }),
        status: Type.Enum(['Completed', 'Reversed']),
        transactionId: Type.Optional(Type.String()),
      }),
    ),
  },
  example: {
    payments: [
      {
        amount: 25,
        date: '2026-05-18T12:00:00Z',
        status: 'Completed',
        transactionId: 'invoice 2026-0042',
      },
    ],
  },
  refusals: [unauthorized(), rateLimited(3_600)],
  handle: async ({ service: { db }, caller }) =>
    `"payments":${await paymentRecords(db, (await caller()).username)}`,
});
