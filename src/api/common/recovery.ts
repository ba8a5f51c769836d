import { requestRecovery, requireKnownAddress } from '../../domain/account/recovery.ts';
import { addressNotFound, type Refusal, rateLimited } from '../../domain/refusal.ts';
import { emailField } from '../../http/fields.ts';
import { operation } from '../../http/operation.ts';
import { Type } from '../../http/schema.ts';

/** `recover`. @param invalid the refusal of a missing or invalid address */
export const recoverOperation = (operationId: string, invalid: () => Refusal) =>
  operation({
    name: 'recover',
    operationId,
    summary: 'Recover the password',
    description:
      'Sends a mail with a link for each account of the address. An unknown address gets the same ' +
      'answer, unless the operator has chosen to tell with 404.',
    auth: 'none',
    required: ['email'],
    missing: invalid,
    invalid,
    limit: ({ config }) => config.recoverLimitPerHour,
    body: Type.Object({ email: emailField }),
    success: { message: Type.String() },
    example: { message: 'Please check your email (user@example.com) for details' },
    refusals: [invalid(), addressNotFound(), rateLimited(3_600)],
    handle: async ({ service: { db, queue, config }, body: { email } }) => {
      if (config.recoveryDiscloses) await requireKnownAddress(db, email);
      await requestRecovery(db, queue, email);
      return `"message":${JSON.stringify(`Please check your email (${email}) for details`)}`;
    },
  });
