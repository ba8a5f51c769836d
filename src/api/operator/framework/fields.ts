import { OVERLAP_HOURS } from '../../../domain/access/secret-overlap.ts';
import { isUsername, USERNAME_PATTERN } from '../../../domain/account-name.ts';
import { hasPlainYear, isCalendarDay } from '../../../domain/day.ts';
import * as entered from '../../../domain/entered-values.ts';
import { Type } from '../../../http/schema.ts';
import { type Field, FieldFault, integer, optional, text } from './field.ts';

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** Ten digits, as a string or a number. */
export function username(description: string): Field<number> {
  return {
    schema: Type.Union(
      [
        Type.String({ pattern: USERNAME_PATTERN }),
        Type.Integer({ minimum: 1_000_000_000, maximum: 9_999_999_999 }),
      ],
      { description, examples: ['2345678901'] },
    ),
    fits: (value) => ['string', 'number'].includes(typeof value) && isUsername(String(value)),
    code: 'invalid_value',
    detail: 'Must be a username of ten digits',
    read: Number,
  };
}

/** A time with its offset (RFC 3339). */
export function time(description: string): Field<Date> {
  return {
    schema: Type.String({
      format: 'date-time',
      maxLength: 40,
      description,
      examples: ['2030-12-31T18:00:00.000Z'],
    }),
    fits: (value) => typeof value === 'string' && value.length <= 40,
    code: 'invalid_value',
    detail: 'Must be a time such as 2030-12-31T18:00:00Z',
    read: (value) => {
      const given = value as string;
      const at = new Date(given);
      const isDay = RFC3339.test(given) && isCalendarDay(given.slice(0, 10));
      if (!isDay || !hasPlainYear(at) || at.getUTCFullYear() < 1900) {
        throw new FieldFault('invalid_value', 'Must be a time such as 2030-12-31T18:00:00Z');
      }
      return at;
    },
  };
}

/** The id of a row, which is a number. */
export const recordId = text(entered.recordId, { description: 'Its id', example: '17' });

export const reason = text(entered.words, {
  description: 'Why; it is kept',
  example: 'Agreed by phone',
});

export const feedName = text(entered.feedName, {
  description: 'Name of the switch',
  example: 'switch-1',
});

export const number = text(entered.assignableNumber, {
  description: 'A phone number in any written form',
  example: '+442055501234',
  longest: 40,
});

/** The parameters of a list. */
export const PAGE = {
  limit: optional(
    text((given) => entered.wholeNumber(given, 1, 1_000), {
      description: 'How many at most, 1 to 1000; 50 where it is left out',
      example: '50',
    }),
  ),
  cursor: optional(
    text((given) => given, { description: '`next` of the page before', longest: 1_000 }),
  ),
};

/** How long the replaced secret is accepted together with the new one. */
export const overlapHours = optional(
  integer({
    description: `${OVERLAP_HOURS.usual} where it is left out`,
    least: 0,
    most: OVERLAP_HOURS.most,
    example: OVERLAP_HOURS.usual,
  }),
);
