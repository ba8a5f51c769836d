// Texts that need no quotes in a PostgreSQL array. An unquoted `null` would be NULL.
const PLAIN = /^(?!null$)[\w+.:@-]+$/i;

/**
 * A PostgreSQL array as text. The driver writes the same text for a JavaScript array, but checks
 * the type of each member. For thousands of members this takes longer than the statement.
 */
export function textArray(values: (string | undefined | null)[]): string {
  return `{${values.map(textMember).join(',')}}`;
}

function textMember(value: string | undefined | null): string {
  if (value === undefined || value === null) return 'NULL';
  if (PLAIN.test(value)) return value;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The same without quotes. @param values numbers, or plain texts such as uuids */
export function plainArray(values: (number | string | undefined)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

/**
 * One of several arrays for `unnest`, which fills missing members with NULL.
 * @returns null where no value is there, so nothing is written and read for it
 */
export function sparse<Value>(
  array: (values: (Value | undefined)[]) => string,
  values: (Value | undefined)[],
): string | null {
  return values.every((value) => value === undefined) ? null : array(values);
}
