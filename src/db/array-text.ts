// What PostgreSQL reads in an array without quotes, and does not take for NULL.
const PLAIN = /^(?!null$)[\w+.:@-]+$/i;

/**
 * Arrays as PostgreSQL reads them. The driver makes the same text of a JavaScript array, but looks
 * at the type of each member, which for thousands of them takes longer than the statement.
 */
export function textArray(values: (string | undefined | null)[]): string {
  return `{${values.map(textMember).join(',')}}`;
}

function textMember(value: string | undefined | null): string {
  if (value === undefined || value === null) return 'NULL';
  if (PLAIN.test(value)) return value;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** @param values numbers, or texts that are known to be plain, such as uuids */
export function plainArray(values: (number | string | undefined)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}
