/** What the figure that is chosen makes of its form. */
import type { FigureFacts } from '../../../src/protocol/figures.js';
import type { Fields, Schemas } from '../shared/schemas.js';
import type { Form } from './kinds.js';

/** The figure of a name, or of one that it also has. */
export function figureNamed(schemas: Schemas, name: unknown): FigureFacts | undefined {
  return schemas.figures.find((one) => one.name === name || one.also?.includes(name as string));
}

export function figureForm({ figure }: Fields, schemas: Schemas): Form {
  const facts = figureNamed(schemas, figure);
  if (facts === undefined) return { models: [], usual: {} };
  const { models, takes, needs, defaults } = facts;
  return { models, takes: ['figure', 'device', ...takes], needs, usual: defaults };
}
