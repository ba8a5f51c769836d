interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  webhooks: object;
}

/**
 * What clients may rely on, a line each: operations, parameters, statuses, members of bodies and of
 * answers, and types of events. A later document may only have more lines.
 */
export function promisedBy({ paths, webhooks }: Document): string[] {
  const lines = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => {
      const name = `${method.toUpperCase()} ${path}`;
      const { parameters = [], requestBody, responses } = operation;
      return [
        name,
        ...parameters.map((parameter) => `${name} ${parameter.in} ${parameter.name}`),
        ...contentLines(`${name} body`, requestBody?.content),
        ...Object.entries(responses)
          .filter(([status]) => status.startsWith('2'))
          .flatMap(([status, { content }]) => [
            `${name} ${status}`,
            ...contentLines(`${name} ${status}`, content),
          ]),
      ];
    }),
  );
  return [...lines, ...Object.keys(webhooks).map((type) => `event ${type}`)].sort();
}

const contentLines = (name: string, content: Record<string, { schema: Schema }> = {}): string[] =>
  Object.entries(content).flatMap(([type, { schema }]) => [
    `${name} ${type}`,
    ...memberLines(name, schema),
  ]);

function memberLines(name: string, { properties = {}, items, anyOf = [] }: Schema): string[] {
  return [
    ...Object.entries(properties).flatMap(([member, schema]) => [
      `${name} .${member}`,
      ...memberLines(`${name} .${member}`, schema),
    ]),
    ...(items ? memberLines(`${name}[]`, items) : []),
    ...anyOf.flatMap((one) => memberLines(name, one)),
  ];
}
