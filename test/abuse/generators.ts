import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { isEmailAddress } from '../../src/domain/email-address.ts';
import { anyCharacter, fc } from '../support/properties.ts';
import { HOSTILE } from './values.ts';

/** Number of generated requests for each operation and ingest route. */
export const RUNS = Number(process.env.ABUSE_RUNS ?? 100);

/** The parts of a document's schema that the generators use. */
export interface Schema {
  type?: string;
  anyOf?: Schema[];
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
}

const ajv = new Ajv2020({
  strict: false,
  formats: { 'date-time': true, 'email-address': { type: 'string', validate: isEmailAddress } },
});
const validators = new Map<object, ValidateFunction>();

/** Whether a schema of a document allows a value. */
export function fits(schema: object, value: unknown): boolean {
  const validate = validators.get(schema) ?? ajv.compile(schema);
  validators.set(schema, validate);
  return validate(value);
}

export const hostile = fc.constantFrom(...HOSTILE.map(([, value]) => value));

/** Values that a schema allows. */
function allowed(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(allowed));
  if (schema.type === 'integer')
    return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 9 });
  if (schema.format === 'email-address') return fc.emailAddress();
  if (schema.pattern && !schema.minLength) return fc.stringMatching(new RegExp(schema.pattern));
  return fc.string({ minLength: schema.minLength ?? 0, maxLength: schema.maxLength ?? 40 });
}

/** A value for a field: usually an allowed one, sometimes any JSON value. */
const field = (schema: Schema) =>
  fc.oneof(
    { weight: 5, arbitrary: allowed(schema) },
    { weight: 2, arbitrary: hostile },
    { weight: 2, arbitrary: fc.jsonValue() },
    { weight: 1, arbitrary: fc.constantFrom(null, '', undefined) },
  );

const names = fc.constantFrom(
  '__proto__',
  'constructor',
  'role',
  'username',
  'statusCode',
  'x',
  '',
);

/** Objects with some of a schema's members, and with others. */
export function bodies({ properties = {} }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, field(schema)]),
  );
  return fc
    .tuple(fc.record(fields, { requiredKeys: [] }), fc.dictionary(names, fc.jsonValue()))
    .map(([known, more]) => ({ ...more, ...known }));
}

/** Texts that are mostly not JSON objects. */
export const texts = fc.oneof(
  fc.json(),
  fc.string({ unit: anyCharacter, maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    '{',
    '[]',
    'null',
    '{"a":1,"a":2}',
    '{"a":"\\u0000"}',
    `{"a":"${'x'.repeat(20_000)}"}`,
  ),
);

export const types = fc.constantFrom(
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'x/y',
);

/** Keys to send: invalid ones, or the attacker's own. */
export const keys = fc.constantFrom(
  'own',
  'none',
  'Bearer x',
  'Bearer',
  'Basic eDp5',
  `Bearer ${'0'.repeat(32)}`,
);
