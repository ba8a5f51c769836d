import { createRequire } from 'node:module';
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
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

const require = createRequire(import.meta.url);
let ajv: Ajv | undefined;

/**
 * Fastify's validator of a schema. It is compiled at its first request: Ajv, with all schemas, is a
 * seventh of the time of a start.
 */
function lateValidator({ schema }: { schema: object }) {
  let check: ValidateFunction | undefined;
  return (value: unknown): true | { error: ErrorObject[] } => {
    ajv ??= new (require('ajv') as typeof import('ajv')).Ajv(VALIDATION);
    check ??= ajv.compile(schema);
    return check(value) ? true : { error: check.errors ?? [] };
  };
}

/** Fastify's way to make validators and serializers of schemas. */
export const COMPILERS = {
  // Fastify's types know only a compiler of Ajv itself.
  buildValidator: () => lateValidator as never,
  // Answers are already JSON text; their schemas are only for the document.
  buildSerializer: () => () => JSON.stringify,
};
