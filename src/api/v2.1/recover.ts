import { invalidField } from '../../domain/refusal.ts';
import { EMAIL_REQUIREMENT } from '../../http/fields.ts';
import { recoverOperation } from '../common/recovery.ts';

export const recover = recoverOperation('accountRecover', () =>
  invalidField('email', EMAIL_REQUIREMENT),
);
