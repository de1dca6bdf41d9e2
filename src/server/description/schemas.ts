/** zod schemas as JSON Schema, in the dialect that OpenAPI 3.1 and AsyncAPI 3 share. */
import { z } from 'zod';
import { FIGURE_FACTS } from '../../jobs/figures/table.js';
import { jobRequest, PRESETS, steering, VARIANTS } from '../../protocol/index.js';

export type Json = { [key: string]: unknown };

/** @param io `input`: as clients send it, with defaults left out; `output`: as the server sends it */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  return rest;
}

/** The fields of an object schema, each with whether it must be there. */
export function fieldsOf(schema: z.ZodObject): { name: string; required: boolean; schema: Json }[] {
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, field]) => ({
    name,
    required: required.includes(name),
    schema: field,
  }));
}

/**
 * What forms are made of: the request of each kind of job with defaults and descriptions, changes while a job runs, what the
 * presets set, what a variant has that a preset has not, and the figures that there are.
 */
export function requestSchemas(): Json {
  const kinds = jobRequest.options.map((option) => {
    const schema = jsonSchema(option, 'input') as { properties: { kind: { const: string } } };
    return [schema.properties.kind.const, schema];
  });
  return {
    jobs: Object.fromEntries(kinds) as Json,
    steering: jsonSchema(steering, 'input'),
    presets: PRESETS,
    variants: VARIANTS,
    figures: FIGURE_FACTS,
  };
}
