/** The HTTP interface as an OpenAPI 3.1 document, made from the table of operations and the schemas. */
import type { z } from 'zod';
import { packageVersion } from '../../jobs/package-root.js';
import { errorAnswer } from '../../protocol/index.js';
import { OPERATIONS, PATH_PARAMETERS, type Operation } from './operations.js';
import { fieldsOf, jsonSchema, type Json } from './schemas.js';

/** `/v1/jobs/:id` -> `/v1/jobs/{id}`, `*path` -> `{path}` */
const templateOf = (path: string): string => path.replace(/[:*](\w+)/g, '{$1}');

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/([:*])(\w+)/g)].map(([, kind, name]) => {
    const known = Object.entries(PATH_PARAMETERS).find(([key]) =>
      kind === '*' ? key === `*${name}` : path.startsWith(key) && key.endsWith(`:${name}`),
    )?.[1];
    const schema = known === undefined ? { type: 'string' } : jsonSchema(known.schema, 'input');
    return { name, in: 'path', required: true, description: known?.description ?? `The ${name}.`, schema };
  });
}

function queryParameters(query: z.ZodObject | undefined): Json[] {
  if (query === undefined) return [];
  return fieldsOf(query).map(({ name, required, schema: { description, ...schema } }) => ({
    ...{ name, in: 'query', required },
    ...(typeof description === 'string' && { description }),
    schema,
  }));
}

function requestBody(body: Operation['body']): Json {
  if (body === undefined) return {};
  const content =
    body === 'binary'
      ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
      : { 'application/json': { schema: jsonSchema(body, 'input') } };
  return { requestBody: { required: true, content } };
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  101: 'The connection is a WebSocket now.',
  200: 'Done.',
  201: 'Made.',
  202: 'Taken; it happens after the current step.',
  204: 'Removed.',
  206: 'The part that was asked for.',
};

function answer(status: string, what: z.ZodType | string | null): Json {
  const description = DESCRIPTIONS[status] ?? 'Done.';
  if (what === null) return { description };
  if (typeof what === 'string') return { description, content: { [what]: { schema: { type: 'string' } } } };
  return { description, content: { 'application/json': { schema: jsonSchema(what, 'output') } } };
}

function operationId(method: string, path: string): string {
  const words = path.split('/').flatMap((part) => part.replace(/[:*.{}]/g, ' ').split(/[\s-]+/)).filter(Boolean); // prettier-ignore
  return [method.toLowerCase(), ...words].join('_');
}

function operation(method: string, path: string, entry: Operation): Json {
  const { summary, scope, tag, query, body, answers } = entry;
  const parameters = [...pathParameters(path), ...queryParameters(query)];
  return {
    ...{ operationId: operationId(method, path), summary, tags: [tag] },
    ...(scope !== null && { description: `Needs the scope \`${scope}\` where the server has tokens.` }),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody(body),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, what]) => [status, answer(status, what)])),
      default: { $ref: '#/components/responses/Error' },
    },
    security: scope === null ? [] : [{ token: [] }, {}],
  };
}

/** The whole document. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [key, entry] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = key.split(' ');
    (paths[templateOf(path)] ??= {})[method.toLowerCase()] = operation(method, path, entry);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'neuroreel',
      version: packageVersion,
      description: 'Preferred images and videos of the units of a network, and audits of its use of time.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: ['jobs', 'models', 'server', 'documents'].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: {
        Error: {
          description: 'What went wrong: an error of the catalogue, with the HTTP status that belongs to its code.',
          content: { 'application/json': { schema: jsonSchema(errorAnswer, 'output') } },
        },
      },
    },
  };
}
