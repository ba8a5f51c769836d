import { Refusal } from '../../domain/refusal.ts';
import { EMAIL_REQUIREMENT } from '../../http/fields.ts';
import { recoverOperation } from '../common/recovery.ts';

export const recovery = recoverOperation(
  'accountRecovery',
  () => new Refusal('field invalid', 'Invalid email address', { requirement: EMAIL_REQUIREMENT }),
);
