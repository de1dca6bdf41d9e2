/** What the server tells of requests: their JSON Schemas, and what the presets set. The forms are made of it. */
import { signal } from '@preact/signals';
import type { FigureFacts } from '../../../src/protocol/figures.js';
import { isWithoutGenerator } from '../../../src/protocol/priors.js';
import { call } from './api.js';

/** The part of JSON Schema that the schemas of the requests use. */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly maxLength?: number;
  readonly contentEncoding?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
}

export type Fields = Readonly<Record<string, unknown>>;

export interface Preset {
  readonly describe: string;
  /** Settings with a generator, and with the pixels as code. */
  readonly generator: Fields;
  readonly pixels: Fields;
  /** With a generator, of videos, where these want others. */
  readonly videos?: Fields;
}

/** What a preset sets for a request. @param prior the request's, if it names one */
export function usualSettings({ generator, pixels, videos }: Preset, prior: unknown, isVideo: boolean): Fields {
  if (typeof prior === 'string' && isWithoutGenerator(prior)) return pixels;
  return (isVideo ? videos : undefined) ?? generator;
}

export interface Schemas {
  readonly jobs: Readonly<Record<string, Schema>>;
  readonly steering: Schema;
  readonly presets: Readonly<Record<string, Preset>>;
  /** By part of the settings and variant: what it is when a request says no more. */
  readonly variants: Readonly<Record<string, Readonly<Record<string, Fields>>>>;
  readonly figures: readonly FigureFacts[];
}

/** Null until they were loaded. */
export const schemas = signal<Schemas | null>(null);

/** @throws as `call` */
export async function loadSchemas(): Promise<void> {
  schemas.value ??= await call<Schemas>('GET', 'schemas.json');
}
