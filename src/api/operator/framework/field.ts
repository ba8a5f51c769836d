import { InvalidValue } from '../../../domain/entered-values.ts';
import { AMOUNT, isDecimal } from '../../../domain/money.ts';
import { wordProblem } from '../../../domain/problem.ts';
import { PROBLEM_WORDS } from '../../../domain/problem-words.ts';
import { type TSchema, Type } from '../../../http/schema.ts';

const LONGEST = 300;

/** One fault of a request. */
export interface Fault {
  /** JSON Pointer (RFC 6901) into the body; '' for a parameter */
  pointer: string;
  code: string;
  detail: string;
}

/** A member of a body, or a parameter: its schema for checks and document, and its value. */
export interface Field<T> {
  schema: TSchema;
  /** whether a value fits the schema; values inside of it have their own faults */
  fits: (value: unknown) => boolean;
  /** reads a value that fits the schema @throws FieldFault, InvalidValue */
  read: (value: unknown, pointer: string, faults: Fault[]) => T;
  /** the fault's code for a value that does not fit the schema */
  code: string;
  detail: string;
  isOptional?: true;
  /** a parameter that may occur several times; its value is an array */
  isRepeatable?: true;
}

export type OptionalField<T> = Field<T> & { isOptional: true };
// biome-ignore lint/suspicious/noExplicitAny: each has a type of its own
export type Fields = Record<string, Field<any>>;

type ValueOf<F> = F extends Field<infer T> ? T : never;
type OptionalNames<F> = {
  [N in keyof F]: F[N] extends OptionalField<unknown> ? N : never;
}[keyof F];
export type ValuesOf<F> = { [N in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[N]> } & {
  [N in OptionalNames<F>]?: ValueOf<F[N]> | undefined;
};

/** A field does not accept a value. */
export class FieldFault extends Error {
  readonly code: string;

  constructor(code: string, detail: string) {
    super(detail);
    this.code = code;
  }
}

/**
 * Reads an object; unknown members are faults. It collects all faults.
 * @param pointer the object's JSON Pointer
 */
export function readFields<F extends Fields>(
  fields: F,
  values: Record<string, unknown>,
  pointer: string,
  faults: Fault[],
): ValuesOf<F> {
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(values)) {
    if (Object.hasOwn(fields, name)) continue;
    const known = Object.keys(fields).join(', ') || 'none';
    const at = `${pointer}/${escaped(name)}`;
    faults.push({
      pointer: at,
      code: 'unknown_member',
      detail: `There is no ${shown(name)}; known: ${known}`,
    });
  }
  for (const [name, field] of Object.entries(fields)) {
    const at = `${pointer}/${name}`;
    if (!Object.hasOwn(values, name) || values[name] === undefined) {
      if (!field.isOptional)
        faults.push({ pointer: at, code: 'required', detail: 'Must be given' });
      continue;
    }
    result[name] = readField(field, values[name], at, faults);
  }
  return result as ValuesOf<F>;
}

function readField<T>(field: Field<T>, value: unknown, pointer: string, faults: Fault[]) {
  if (!field.fits(value)) {
    faults.push({ pointer, code: field.code, detail: field.detail });
    return undefined;
  }
  try {
    return field.read(value, pointer, faults);
  } catch (error) {
    faults.push({ pointer, ...faultOf(error) });
    return undefined;
  }
}

/** @throws the error itself if it is not about a value */
function faultOf(error: unknown): Omit<Fault, 'pointer'> {
  if (error instanceof FieldFault) return { code: error.code, detail: error.message };
  if (!(error instanceof InvalidValue)) throw error;
  return { code: 'invalid_value', detail: wordProblem(PROBLEM_WORDS, error.problem) };
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100);
const shown = (name: string) => JSON.stringify(name.slice(0, 100));

/** The same field, which may be left out. */
export function optional<T>(field: Field<T>): OptionalField<T> {
  return { ...field, isOptional: true };
}

type AllOptional<F extends Fields> = {
  [N in keyof F]: F[N] extends Field<infer T> ? OptionalField<T> : never;
};

/** The same fields, each of which may be left out. */
export function allOptional<F extends Fields>(fields: F): AllOptional<F> {
  const entries = Object.entries(fields).map(([name, field]) => [name, optional(field)]);
  return Object.fromEntries(entries) as AllOptional<F>;
}

/** A field that also accepts null, which removes the value. */
export function nullable<T>(field: Field<T>): Field<T | null> {
  return {
    ...field,
    schema: Type.Union([field.schema, { type: 'null' }], described(field.schema)),
    fits: (value) => value === null || field.fits(value),
    detail: `${field.detail.replace(/\.$/, '')}, or null`,
    read: (value, pointer, faults) => (value === null ? null : field.read(value, pointer, faults)),
  };
}

const described = (schema: TSchema) =>
  'description' in schema ? { description: String(schema.description) } : {};

/** Several values, each once. */
export function list<T>(
  field: Field<T>,
  { most, least = 0 }: { most: number; least?: number },
): Field<T[]> {
  const bounds = { minItems: least, maxItems: most };
  return {
    schema: Type.Array(field.schema, { ...bounds, uniqueItems: true, ...described(field.schema) }),
    fits: (value) => Array.isArray(value) && value.length >= least && value.length <= most,
    code: 'invalid_value',
    detail: `Must be an array of ${least} to ${most}`,
    read: (value, pointer, faults) => {
      const items = (value as unknown[]).map((item, n) =>
        readField(field, item, `${pointer}/${n}`, faults),
      );
      return [...new Set(items)] as T[];
    },
  };
}

/** An object within the body. */
export function group<F extends Fields>(fields: F, description: string): Field<ValuesOf<F>> {
  return {
    schema: objectSchema(fields, description),
    fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    code: 'invalid_value',
    detail: 'Must be an object',
    read: (value, pointer, faults) =>
      readFields(fields, value as Record<string, unknown>, pointer, faults),
  };
}

/** The schema of a body with fields. */
export function objectSchema(fields: Fields, description?: string): TSchema {
  const properties = Object.entries(fields).map(([name, { schema, isOptional }]) => [
    name,
    isOptional ? Type.Optional(schema) : schema,
  ]);
  return Type.Object(Object.fromEntries(properties), {
    additionalProperties: false,
    ...(description ? { description } : {}),
  });
}

const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length <= longest;

interface Described {
  description: string;
  example?: unknown;
}

const meta = ({ description, example }: Described) => ({
  description,
  ...(example === undefined ? {} : { examples: [example] }),
});

/** A text, read as the command reads it. @param longest most characters, checked first */
export function text<T>(
  read: (text: string) => T,
  options: Described & { longest?: number },
): Field<T> {
  const { longest = LONGEST } = options;
  return {
    schema: Type.String({ maxLength: longest, ...meta(options) }),
    fits: (value) => isText(value, longest),
    code: 'invalid_value',
    detail: `Must be a string of at most ${longest} characters`,
    read: (value) => read(value as string),
  };
}

/** A text with a form. @param form a regular expression for the whole text */
export function pattern(form: string, options: Described): Field<string> {
  const expression = new RegExp(form);
  return {
    schema: Type.String({ pattern: form, maxLength: LONGEST, ...meta(options) }),
    fits: (value) => isText(value, LONGEST) && expression.test(value),
    code: 'invalid_value',
    detail: `Must match ${form}`,
    read: (value) => value as string,
  };
}

/** Money, or money a minute: a decimal string, because a JSON number would be rounded. */
export function decimal(read: (text: string) => string, options: Described): Field<string> {
  return {
    schema: Type.String({ pattern: AMOUNT.source, maxLength: 20, ...meta(options) }),
    fits: (value) => isText(value, 20) && isDecimal(value),
    code: 'decimal_string_required',
    detail: 'Must be a decimal string such as "500" or "0.025000"',
    read: (value) => {
      try {
        return read(value as string);
      } catch (error) {
        throw new FieldFault('out_of_range', faultOf(error).detail);
      }
    },
  };
}

/** A JSON number without a fraction. */
export function integer(options: Described & { least: number; most: number }): Field<number> {
  const { least, most } = options;
  return {
    schema: Type.Integer({ minimum: least, maximum: most, ...meta(options) }),
    fits: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    code: 'out_of_range',
    detail: `Must be a whole number from ${least} to ${most}`,
    read: (value) => value as number,
  };
}

/** A JSON boolean; texts and numbers such as `"true"` or 1 are faults. */
export function flag(options: Described): Field<boolean> {
  return {
    schema: Type.Boolean(meta(options)),
    fits: (value) => typeof value === 'boolean',
    code: 'invalid_value',
    detail: 'Must be true or false',
    read: (value) => value as boolean,
  };
}

/** A text that is exactly one of `words`; others are the fault `invalid_value`. */
export function choice<const W extends string>(words: readonly W[], options: Described): Field<W> {
  return {
    schema: Type.String({ enum: [...words], ...meta(options) }),
    fits: (value) => words.includes(value as W),
    code: 'invalid_value',
    detail: `Must be ${words.join(' or ')}`,
    read: (value) => value as W,
  };
}

/** A parameter that is true or false. */
export function flagText(description: string): Field<boolean> {
  const field = choice(['true', 'false'], { description });
  return {
    ...field,
    read: (value, pointer, faults) => field.read(value, pointer, faults) === 'true',
  };
}

/** A parameter that may occur several times; a row may match any of its values. */
export function anyOf<T>(field: Field<T>): OptionalField<T[]> {
  return { ...list(field, { most: 20, least: 1 }), isOptional: true, isRepeatable: true };
}
