/**
 * How fields of a text message are checked. Every field is a list in the tree; what is declared as single must stand
 * there at most once. Fields that are not declared are passed over.
 */
import { z } from 'zod';

/** A field that stands there exactly once. */
export const required = <T extends z.ZodType>(schema: T) => z.tuple([schema]).transform(([x]) => x as z.output<T>);
/** A field that may be missing. */
export const optional = <T extends z.ZodType>(schema: T) => required(schema).optional();
export const withDefault = <T extends z.ZodType>(schema: T, value: z.output<T>) =>
  required(schema).default(value as never);
/** A repeated field. */
export const repeated = <T extends z.ZodType>(schema: T, max = 10_000) => z.array(schema).max(max).default([]);

const TRUTHS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...['true', 'True', 't', 1].map((word): [unknown, boolean] => [word, true]),
  ...['false', 'False', 'f', 0].map((word): [unknown, boolean] => [word, false]),
]);
export const boolean = z.unknown().transform((word, context): boolean => {
  const truth = TRUTHS.get(word);
  if (truth === undefined) context.addIssue({ code: 'custom', message: 'is neither true nor false' });
  return truth ?? false;
});

/** One of the names of an enumeration, or its number. */
export const choice = <const N extends readonly [string, ...string[]]>(...names: N) =>
  z.union([
    z.enum(names),
    z
      .int()
      .min(0)
      .max(names.length - 1)
      .transform((i): N[number] => names[i]!),
  ]);

export const text = z.string().max(1024);
export const number = z.number();
/** Extents of things that layers do, such as kernels and strides: no network goes beyond these. */
export const extent = z.int().min(1).max(4096);
export const margin = z.int().min(0).max(4096);
export const channels = z
  .int()
  .min(1)
  .max(2 ** 24);
export const dimension = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
export const axis = z.int().min(-8).max(7);

/** A shape that is whole. */
export const shape = z.object({ dim: repeated(dimension, 8) }).transform(({ dim }) => dim);

/** The options of a layer, which stand in a message of their own; where it is missing, all have their defaults. */
export const section = <T extends z.ZodType>(name: string, schema: T) =>
  z.preprocess(
    (layer) => ({ [name]: (layer as Readonly<Record<string, unknown>>)[name] ?? [{}] }),
    z.object({ [name]: required(schema) }).transform((layer) => layer[name] as z.output<T>),
  );

/** The first problem that zod found, with the field in which it is. */
export function problemOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const place = issue?.path.filter((part) => typeof part === 'string').join('.') ?? '';
  return place === '' ? (issue?.message ?? 'malformed') : `${place}: ${issue?.message}`;
}
