import { USERNAME_PATTERN } from '../../../domain/account-name.ts';
import { EVENT_TYPE_NAMES } from '../../../domain/event.ts';
import { AMOUNT } from '../../../domain/money.ts';
import { type TSchema, Type } from '../../../http/schema.ts';

// The parts of answers, for the document.

const nothing: TSchema<null> = { type: 'null' };

export const anything: TSchema = {};
export const money = Type.String({ pattern: '^-?[0-9]{1,32}\\.[0-9]{6}$' });
export const moment = Type.String({ format: 'date-time' });
export const name = Type.String();
export const username = Type.String({ pattern: USERNAME_PATTERN });
export const whole = Type.Integer();

/** The member is always there; its value may be null. */
export const orNull = (schema: TSchema) => Type.Union([schema, nothing]);

/** All members are there, but for `Type.Optional` ones. */
export const object = (properties: Record<string, TSchema>) => Type.Object(properties);

/** Of any length; the answer of a list in pages is `pageOf`. */
export const listOf = (schema: TSchema) => Type.Array(schema);

/** How answers show settings, from the schemas that check them in requests. */
export function shownSettings<Name extends string>(fields: Record<Name, { schema: TSchema }>) {
  const entries = Object.entries<{ schema: TSchema }>(fields);
  return Object.fromEntries(entries.map(([name, { schema }]) => [name, shown(schema)])) as Record<
    Name,
    TSchema
  >;
}

function shown({ type, anyOf, pattern }: TSchema): TSchema {
  if (Array.isArray(anyOf)) return orNull(shown(anyOf[0]));
  if (type !== 'string') return { type };
  return pattern === AMOUNT.source ? money : name;
}

/** A page of a list. */
export const pageOf = (item: TSchema) =>
  object({ data: Type.Array(item), next: orNull(Type.String()) });

/** An event, as a list shows it and as an endpoint gets it. */
export const eventSchema = object({
  id: name,
  type: Type.String({ 'x-extensible-enum': EVENT_TYPE_NAMES }),
  timestamp: moment,
  sequence: whole,
  apiVersion: name,
  account: orNull(username),
  externalId: orNull(name),
  data: anything,
});
