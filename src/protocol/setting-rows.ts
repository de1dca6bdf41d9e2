/** The settings of a synthesis as rows of a table, from their schemas: for documentation, and the tests that hold it to them. */
import { z } from 'zod';
import { penaltyWeights, SYNTHESIS_PARTS, synthesisSettings } from './synthesis.js';

export interface SettingRow {
  /** Path of the field, with the variant before it: `objective.joint.lambda`. */
  readonly name: string;
  /** `0 to 1e6`, `constant, linear, ...`, or what kind of thing it is. */
  readonly range: string;
  readonly describe: string;
}

interface JsonSchema {
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

const schemaOf = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema, { io: 'output' }) as JsonSchema;

/** Large numbers short: 1e6. */
const short = (x: number): string => (Math.abs(x) >= 1e6 ? x.toExponential().replace('e+', 'e') : String(x));

function rangeOf({ enum: values, type, minimum, exclusiveMinimum, maximum, items, maxItems }: JsonSchema): string {
  if (values) return values.join(', ');
  if (type === 'array') {
    const most = maxItems === undefined ? '' : `at most ${maxItems} `;
    return `${most}${items?.type === 'number' ? 'numbers' : 'units'}`;
  }
  const least = exclusiveMinimum === undefined ? short(minimum!) : `above ${exclusiveMinimum}`;
  return `${type === 'integer' ? 'whole, ' : ''}${least} to ${short(maximum!)}`;
}

function rowsOf(prefix: string, properties: JsonSchema['properties'] = {}): SettingRow[] {
  return Object.entries(properties).flatMap(([field, schema]) =>
    schema.const === undefined
      ? [{ name: `${prefix}${field}`, range: rangeOf(schema), describe: schema.description ?? '' }]
      : [],
  );
}

/** A row for each variant of each part, each of its fields, each penalty, and what all runs have. */
export function settingRows(): SettingRow[] {
  const parts = Object.entries(SYNTHESIS_PARTS).flatMap(([part, { discriminator, members }]) =>
    members.flatMap((member: z.ZodObject): SettingRow[] => {
      const schema = schemaOf(member);
      const variant = String(schema.properties?.[discriminator]?.const);
      const own = { name: `${part}: ${variant}`, range: 'variant', describe: schema.description ?? '' };
      return [own, ...rowsOf(`${part}.${variant}.`, schema.properties)];
    }),
  );
  const { properties = {} } = schemaOf(synthesisSettings);
  const common = Object.entries(properties).filter(([name]) => !(name in SYNTHESIS_PARTS) && name !== 'penalties');
  return [
    ...parts,
    ...rowsOf('penalties.', schemaOf(penaltyWeights).properties),
    ...common.flatMap(([name, schema]) =>
      schema.properties ? rowsOf(`${name}.`, schema.properties) : rowsOf('', { [name]: schema }),
    ),
  ];
}
