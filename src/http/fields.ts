import { NAME_PATTERN, USERNAME_PATTERN, USERNAME_REQUIREMENT } from '../domain/account-name.ts';
import { Type } from './schema.ts';

// Eleven digits, the most that the string form may have.
const LATEST_SECOND = 99_999_999_999;

export const SECONDS_REQUIREMENT = 'Must be a Unix time in seconds';
export const EMAIL_REQUIREMENT = 'Must be valid';

/** The key in the body; it is checked like the header's key, not as a value. */
export const apikeyField = Type.Optional(
  Type.String({
    description: 'API key or named key, where it is not sent as `Authorization: Bearer`',
    examples: ['0f1e2d3c4b5a69788796a5b4c3d2e1f0'],
  }),
);

/** A number of ten digits; clients send it as an integer or as a string of digits. */
export const usernameField = (description: string) =>
  Type.Union(
    [
      Type.Integer({ minimum: 1_000_000_000, maximum: 9_999_999_999 }),
      Type.String({ pattern: USERNAME_PATTERN }),
    ],
    { description, examples: [4592086960], 'x-requirement': USERNAME_REQUIREMENT },
  );

/** Unix seconds; clients send them as an integer or as a string of digits. */
export const secondsField = (description: string, example: number) =>
  Type.Union(
    [
      Type.Integer({ minimum: 0, maximum: LATEST_SECOND }),
      Type.String({ pattern: '^[0-9]{1,11}$' }),
    ],
    { description, examples: [example], 'x-requirement': SECONDS_REQUIREMENT },
  );

export const nameField = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: NAME_PATTERN,
  description: 'Name of the account',
  examples: ['Example Company'],
  'x-requirement': 'Must be 1 to 100 characters',
});

export const emailField = Type.String({
  format: 'email-address',
  maxLength: 254,
  description: 'E-mail address',
  examples: ['user@example.com'],
  'x-requirement': EMAIL_REQUIREMENT,
});
