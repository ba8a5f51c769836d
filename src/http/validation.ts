import { isEmailAddress } from '../domain/email-address.ts';

/**
 * Ajv's options for bodies. It stops at the first fault, so a pattern is not matched against a text
 * that is too long.
 */
export const VALIDATION = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allErrors: false,
  keywords: ['x-requirement'],
  // The schemas are the service's own; checking and optimizing takes longer than compiling them.
  meta: false,
  validateSchema: false,
  code: { optimize: false },
  formats: { 'email-address': { type: 'string' as const, validate: isEmailAddress } },
};
