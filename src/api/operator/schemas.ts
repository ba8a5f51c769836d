import { type TSchema, Type } from '../../http/schema.ts';

// The parts of answers, for the document.

const nothing: TSchema<null> = { type: 'null' };

export const anything: TSchema = {};
export const money = Type.String({ pattern: '^-?[0-9]{1,32}\\.[0-9]{6}$' });
export const moment = Type.String({ format: 'date-time' });
export const name = Type.String();
export const username = Type.String({ pattern: '^[1-9][0-9]{9}$' });
export const whole = Type.Integer();
export const orNull = (schema: TSchema) => Type.Union([schema, nothing]);
export const object = (properties: Record<string, TSchema>) => Type.Object(properties);
export const listOf = (schema: TSchema) => Type.Array(schema);

/** A page of a list. */
export const pageOf = (item: TSchema) =>
  object({ data: Type.Array(item), next: orNull(Type.String()) });
