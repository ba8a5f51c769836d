import { EVENT_TYPE_NAMES, EVENT_TYPES, type EventType } from '../../../domain/event.ts';
import { type TSchema, Type } from '../../../http/schema.ts';
import { type Field, type Fields, objectSchema } from './field.ts';
import { TITLES } from './problem.ts';
import { BASE, type Route } from './route.ts';
import { eventSchema } from './schemas.ts';

const PROBLEM = { $ref: '#/components/schemas/Problem' };
const JSON_TYPE = 'application/json';
const PROBLEM_TYPE = 'application/problem+json';

const problemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String({ 'x-extensible-enum': Object.keys(TITLES) }),
  detail: Type.String(),
  requestId: Type.String(),
  errors: Type.Optional(
    Type.Array(Type.Object({ pointer: Type.String(), code: Type.String(), detail: Type.String() })),
  ),
});

/** The OpenAPI document, made from the descriptions that check the requests. */
export function operatorDocument(routes: Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `${BASE}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  return {
    openapi: '3.1.0',
    info: {
      title: "Operators' API",
      version: '1',
      description:
        "For systems of the operator: what the command and the operators' pages do, over HTTP. " +
        'Clients must ignore members and codes that they do not know.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This service' }],
    tags: tags.map((name) => ({ name, description: `${name[0]?.toUpperCase()}${name.slice(1)}` })),
    security: [{ operatorKey: [] }],
    paths,
    webhooks: Object.fromEntries(EVENT_TYPE_NAMES.map((type) => [type, webhookOf(type)])),
    components: {
      securitySchemes: { operatorKey: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
    },
  };
}

/** The request that an endpoint gets for an event. */
const webhookOf = (type: EventType) => ({
  post: {
    summary: EVENT_TYPES[type].means,
    operationId: type,
    'x-scopes': [EVENT_TYPES[type].scope],
    requestBody: { content: { 'application/json': { schema: eventSchema } } },
    responses: { '2XX': { description: 'The event has arrived' } },
  },
});

function operationOf(route: Route): object {
  const { operationId, summary, description, scope, tag, params = {}, query = {} } = route;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    'x-scopes': scope === null ? [] : [scope],
    parameters: [
      ...parametersOf('path', params),
      ...parametersOf('query', query),
      ...headersOf(route),
    ],
    ...bodyOf(route),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, schema]) => [
          status,
          success(status, schema, route.produces),
        ]),
      ),
      ...Object.fromEntries(statusesOf(route).map((status) => [status, failure(status)])),
    },
  };
}

function parametersOf(where: 'path' | 'query', fields: Fields): object[] {
  return Object.entries(fields).map(([name, field]: [string, Field<unknown>]) => {
    const { description, ...schema } = field.schema as TSchema & { description?: string };
    return {
      name,
      in: where,
      required: !field.isOptional,
      ...(description ? { description } : {}),
      schema,
      ...(field.isRepeatable ? { style: 'form', explode: true } : {}),
    };
  });
}

function headersOf({ idempotency, method, isNatural, tagged }: Route): object[] {
  const header = (name: string, required: boolean, description: string) => ({
    name,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  });
  const mayRepeat = !isNatural && (method === 'POST' || method === 'PATCH');
  return [
    ...(mayRepeat || idempotency
      ? [
          header(
            'Idempotency-Key',
            idempotency === 'required',
            'Sent again with the same key within 72 hours, the request is not done again',
          ),
        ]
      : []),
    ...(tagged && method !== 'GET'
      ? [header('If-Match', false, 'An ETag that must still be so')]
      : []),
  ];
}

function bodyOf({ file, body }: Route): object {
  if (file) {
    const content = Object.fromEntries(file.map((type) => [type, { schema: { type: 'string' } }]));
    return { requestBody: { required: true, content } };
  }
  if (!body || Object.keys(body).length === 0) return {};
  const example = Object.fromEntries(
    Object.entries(body)
      .filter(([, field]) => !field.isOptional)
      .map(([name, { schema }]) => [name, exampleOf(schema)])
      .filter(([, value]) => value !== undefined),
  );
  const schema = {
    ...objectSchema(body),
    ...(Object.keys(example).length > 0 ? { examples: [example] } : {}),
  };
  const required = Object.values(body).some(({ isOptional }) => !isOptional);
  return { requestBody: { required, content: { 'application/json': { schema } } } };
}

function exampleOf(schema: TSchema): unknown {
  const { examples, items } = schema as { examples?: unknown[]; items?: TSchema };
  if (examples) return examples[0];
  return items ? [exampleOf(items)] : undefined;
}

function success(
  status: string,
  schema: TSchema | null,
  types: readonly string[] = [JSON_TYPE],
): object {
  const description = { 200: 'Done, or as it was', 201: 'Made', 202: 'Begun', 204: 'Removed' }[
    status
  ];
  return {
    description: description ?? 'Done',
    ...(schema ? { content: contentOf(schema, types) } : {}),
  };
}

/** Only JSON has the schema; the other types are texts. */
const contentOf = (schema: TSchema, types: readonly string[]) =>
  Object.fromEntries(
    types.map((type) => [type, { schema: type === JSON_TYPE ? schema : { type: 'string' } }]),
  );

function statusesOf(route: Route): number[] {
  const { method, params, tagged, body, file, idempotency, problems = [] } = route;
  const isWrite = method !== 'GET';
  return [
    400,
    401,
    403,
    ...(params || isWrite ? [404] : []),
    406,
    ...(isWrite ? [409] : []),
    ...problems,
    ...(tagged && isWrite ? [412] : []),
    ...(body || file ? [413, 415] : []),
    422,
    ...(file && idempotency === undefined && method === 'PUT' ? [428] : []),
    429,
    431,
    500,
    503,
  ].filter((status, n, all) => all.indexOf(status) === n);
}

const failure = (status: number): object => ({
  description: FAILURES[status] ?? 'Refused',
  content: { [PROBLEM_TYPE]: { schema: PROBLEM } },
});

const FAILURES: Record<number, string> = {
  400: 'The request cannot be read, or lacks a header',
  401: 'No such key, or an expired one',
  403: 'The key may not do that',
  404: 'No such thing, or the key may not see it',
  406: 'JSON is not accepted',
  409: 'It does not go with what is there',
  410: 'It is not kept any more',
  412: 'It was changed meanwhile',
  413: 'The body is too large',
  415: 'The media type is not read here',
  422: 'Values are wrong, each of them told',
  428: 'If-Match or If-None-Match is needed',
  429: 'Too many requests',
  431: 'The address and the header fields are too large',
  500: 'Internal error',
  503: 'Not known whether it was done; send it again',
};
