declare const VALUE: unique symbol;
const OPTIONAL = Symbol('optional');

/** A JSON Schema, and the type of the values that it describes. */
export interface TSchema<Value = unknown> {
  readonly [VALUE]?: Value;
  [keyword: string]: unknown;
}

/** The schema of a member that may be left out. */
export interface TOptional<Value> extends TSchema<Value> {
  [OPTIONAL]: true;
}

type Properties = Record<string, TSchema>;

export interface TObject<Of extends Properties = Properties> extends TSchema {
  properties: Of;
}

/** The type of the values that a schema describes. */
export type Static<Schema extends TSchema> =
  Schema extends TObject<infer Of>
    ? { [Name in Exclude<keyof Of, OptionalNames<Of>>]: Static<Of[Name]> } & {
        [Name in OptionalNames<Of>]?: Static<Of[Name]>;
      }
    : Schema extends TSchema<infer Value>
      ? Value
      : never;

type OptionalNames<Of extends Properties> = {
  [Name in keyof Of]: Of[Name] extends TOptional<unknown> ? Name : never;
}[keyof Of];

type Keywords = Record<string, unknown>;

/**
 * Makes JSON Schemas. A library for this takes longer to load than all other code that answers
 * requests.
 */
export const Type = {
  String: (keywords?: Keywords): TSchema<string> => ({ type: 'string', ...keywords }),
  Number: (keywords?: Keywords): TSchema<number> => ({ type: 'number', ...keywords }),
  Integer: (keywords?: Keywords): TSchema<number> => ({ type: 'integer', ...keywords }),
  Boolean: (keywords?: Keywords): TSchema<boolean> => ({ type: 'boolean', ...keywords }),
  Literal: (value: string, keywords?: Keywords): TSchema<string> => ({
    type: 'string',
    const: value,
    ...keywords,
  }),
  Enum: <Value extends string>(values: Value[], keywords?: Keywords): TSchema<Value> => ({
    enum: values,
    ...keywords,
  }),
  Array: <Value>(items: TSchema<Value>, keywords?: Keywords): TSchema<Value[]> => ({
    type: 'array',
    items,
    ...keywords,
  }),
  /** An object with any members. */
  Record: <Value>(values: TSchema<Value>): TSchema<Record<string, Value>> => ({
    type: 'object',
    additionalProperties: values,
  }),
  Union: <One, Other>(
    either: [TSchema<One>, TSchema<Other>],
    keywords?: Keywords,
  ): TSchema<One | Other> => ({ anyOf: either, ...keywords }),
  Optional: <Value>(schema: TSchema<Value>): TOptional<Value> => ({ ...schema, [OPTIONAL]: true }),
  Object: <Of extends Properties>(properties: Of, keywords?: Keywords): TObject<Of> => {
    const required = Object.keys(properties).filter(
      (name) => !(OPTIONAL in (properties[name] ?? {})),
    );
    return {
      type: 'object',
      ...(required.length > 0 ? { required } : {}),
      properties,
      ...keywords,
    };
  },
};
