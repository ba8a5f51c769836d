import { recurringItems } from '../../domain/billing/recurring-charge.ts';
import { sumOf } from '../../domain/money.ts';
import { rateLimited, unauthorized } from '../../domain/refusal.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

export const recurringCharges = operation({
  name: 'mrc',
  operationId: 'accountRecurringCharges',
  summary: 'Get the monthly recurring charges',
  description:
    'One row for each service and each phone number, with its amount a month. A billing account sees ' +
    'what it pays, also for the accounts billed to it.',
  auth: 'key',
  required: [],
  limit: ({ config }) => config.rateLimitPerHour,
  body: Type.Object({}),
  success: {
    charges: Type.Array(Type.Object({ amount: Type.Number(), description: Type.String() })),
    total: Type.Number(),
  },
  example: {
    charges: [
      { amount: 1.5, description: 'E911' },
      { amount: 2, description: 'DID 12015551234' },
    ],
    total: 3.5,
  },
  refusals: [unauthorized(), rateLimited(3_600)],
  handle: async ({ service: { db }, caller }) => {
    const items = await recurringItems(db, await caller());
    const charges = items.map(({ kind, name, monthly }) => {
      const description = JSON.stringify(kind === 'number' ? `DID ${e164Digits(name)}` : name);
      return `{"amount":${numberText(monthly)},"description":${description}}`;
    });
    const total = sumOf(items.map(({ monthly }) => monthly));
    return `"charges":[${charges.join(',')}],"total":${numberText(total)}`;
  },
});

/** A JSON number without the zeros at its end. */
const numberText = (decimal: string) => decimal.replace(/\.?0+$/, '');

/** The digits with the country code; a number of ten digits is North American. */
const e164Digits = (number: string) =>
  number.startsWith('+') ? number.slice(1) : number.replace(/^(?=[0-9]{10}$)/, '1');
