import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

/**
 * The schemas of an OpenAPI document, each compiled once, at its first use.
 * @param dateTime the form of its times
 * @returns takes the members that lead to a schema in the document. It throws Error where none is
 */
export function schemasOf(
  document: object,
  dateTime: RegExp,
): (...path: string[]) => ValidateFunction {
  // Its documents are checked by a linter.
  const options = { strict: false, allErrors: true, validateSchema: false };
  const ajv = new Ajv2020({ ...options, formats: { 'date-time': dateTime } });
  ajv.addSchema(document, 'document');
  return (...path) => {
    const pointer = path.map((member) =>
      encodeURIComponent(member.replaceAll('~', '~0').replaceAll('/', '~1')),
    );
    const validate = ajv.getSchema(`document#/${pointer.join('/')}`);
    if (!validate) throw new Error(`the document has no ${path.join(' ')}`);
    return validate;
  };
}
