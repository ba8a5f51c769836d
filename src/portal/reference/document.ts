/**
 * The parts of an OpenAPI 3.1 document that the reference reads
 * (https://spec.openapis.org/oas/v3.1.1).
 */
export interface OpenapiDocument {
  info: { title: string; version: string; description?: string };
  /** of each operation that names none of its own */
  security?: object[];
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
}

export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags?: string[];
  security?: object[];
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, Answer>;
}

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header' | 'cookie';
  required?: boolean;
  description?: string;
  schema: Schema;
  example?: unknown;
}

export interface Media {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

export interface Answer {
  description: string;
  headers?: Record<string, { description?: string; schema?: Schema }>;
  content?: Record<string, Media>;
}

export interface Schema {
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  examples?: unknown[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** An operation with its method and path. */
export interface Located extends Operation {
  method: string;
  path: string;
}

/** The document with every `$ref` replaced by its target; a recursive `$ref` is left empty. */
export function resolved(document: object): OpenapiDocument {
  const at = (pointer: string) =>
    pointer
      .replace(/^#\//, '')
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], document);
  const resolve = (value: unknown, within: string[]): unknown => {
    if (Array.isArray(value)) return value.map((item) => resolve(item, within));
    if (typeof value !== 'object' || value === null) return value;
    if ('$ref' in value && typeof value.$ref === 'string') {
      const { $ref, ...rest } = value;
      if (within.includes($ref)) return rest;
      return { ...(resolve(at($ref), [...within, $ref]) as object), ...rest };
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, resolve(item, within)]),
    );
  };
  return resolve(document, []) as OpenapiDocument;
}

/** The operations of each tag, in the order of the document. */
export function operationsByTag({ paths, tags = [], security = [] }: OpenapiDocument) {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.flatMap((method): Located[] => {
      const operation = methods[method];
      return operation ? [{ security, ...operation, method: method.toUpperCase(), path }] : [];
    }),
  );
  const names = new Set([...tags.map(({ name }) => name), ...all.map(tagOf)]);
  return [...names]
    .map((name) => ({
      name,
      description: tags.find((tag) => tag.name === name)?.description ?? name,
      operations: all.filter((operation) => tagOf(operation) === name),
    }))
    .filter(({ operations }) => operations.length > 0);
}

const tagOf = ({ tags }: Operation) => tags?.[0] ?? '';

/** The body's media type and its content; this API's bodies have one type each. */
export function mediaOf(content: Record<string, Media> | undefined): [string, Media] | undefined {
  return Object.entries(content ?? {})[0];
}

/** The examples as text: JSON if they are not text. Those of the schema count where it has no other. */
export function examplesOf({ example, examples, schema }: Media): string[] {
  const values = Object.values(examples ?? {}).map(({ value }) => value);
  if (example !== undefined) values.unshift(example);
  return (values.length > 0 ? values : (schema?.examples ?? [])).map((value) =>
    typeof value === 'string' ? value : JSON.stringify(value, null, 2),
  );
}
