import { isEmailAddress } from '../domain/email-address.ts';

/**
 * How Ajv checks bodies. It stops at the first fault: a text that is too long is not looked at by
 * the pattern that its schema has as well.
 */
export const VALIDATION = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allErrors: false,
  keywords: ['x-requirement'],
  // The schemas are the service's own: to check and optimize them takes longer than to compile them.
  meta: false,
  validateSchema: false,
  code: { optimize: false },
  formats: { 'email-address': { type: 'string' as const, validate: isEmailAddress } },
};
