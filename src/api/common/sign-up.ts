import { type CreatedAccount, signUp } from '../../domain/account/new-account.ts';
import { creationFailed, fieldRequired, invalidField, rateLimited } from '../../domain/refusal.ts';
import { EMAIL_REQUIREMENT, emailField, nameField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { type TSchema, Type } from '../../http/schema.ts';

/** The answer of a version of the API for the new account. */
interface Told {
  operationId: string;
  once?: true;
  success: Record<string, TSchema>;
  example: object;
  /** @returns JSON text of the members, without the envelope */
  answer: (account: CreatedAccount) => string;
}

/** `signup`, without the form of its answer. */
export const signUpOperation = ({ answer, ...told }: Told) =>
  operation({
    ...told,
    name: 'signup',
    summary: 'Sign up',
    description:
      'Creates an account that pays for itself, with a generated username and password, and sends ' +
      'a mail to verify the address. The password is shown in this answer only.',
    auth: 'none',
    required: ['name', 'email'],
    limit: ({ config }) => config.signupLimitPerHour,
    body: Type.Object({
      name: nameField,
      email: emailField,
      promo: Type.Optional(
        Type.String({
          maxLength: 64,
          description: 'Promotion code, credited once the address is verified',
          examples: ['WELCOME5'],
          'x-requirement': 'Must be a valid promotion code',
        }),
      ),
    }),
    refusals: [
      fieldRequired('name'),
      invalidField('email', EMAIL_REQUIREMENT),
      creationFailed(),
      rateLimited(3_600),
    ],
    handle: async ({ service: { db, keyring, queue, config, clock }, body }) => {
      const tools = {
        keyring,
        queue,
        now: clock(),
        rate: config.defaultRate,
        limits: config.newLimits,
        sipRealm: config.sipRealm,
      };
      return answer(await signUp(db, tools, body));
    },
  });
