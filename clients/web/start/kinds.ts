/** The kinds of jobs that the form starts. To add one: an entry here; its options come from its schema. */
import type { JobKind } from '../../../src/protocol/jobs.js';
import type { Fields, Schemas } from '../shared/schemas.js';
import { figureForm } from './figure.js';

export type UnitModel = 'recogniser' | 'classifier';

/** What fields that are set make of the rest of the form. */
export interface Form {
  /** As of the kind. */
  readonly models: readonly UnitModel[];
  /** Fields that mean something; all when absent. */
  readonly takes?: readonly string[];
  /** Fields that have to be set. */
  readonly needs?: readonly string[];
  /** What holds where a field is left out, besides the defaults of the schema. */
  readonly usual: Fields;
}

export interface Kind {
  readonly kind: JobKind;
  /** On its button. */
  readonly title: string;
  /** What comes of it. */
  readonly about: string;
  /** Models that it takes, the first of which is offered. */
  readonly models: readonly UnitModel[];
  /** Field of the unit or units that are maximised, if any. */
  readonly units?: 'unit' | 'units';
  /** What no units mean; the unit that the model takes by itself when absent. */
  readonly noUnits?: { readonly words: string; readonly value?: string };
  /** Fields that are always in sight, besides model and units; all others are advanced options. */
  readonly basics: readonly string[];
  /** Fields above the model, with what they are at first. */
  readonly leading?: Fields;
  /** The field that holds the request whose fields these are, all but the units: one of a kind for each kind of model. */
  readonly holds?: { readonly field: string; readonly kinds: Readonly<Record<UnitModel, JobKind>> };
  /** Where what was chosen decides about other fields. */
  readonly form?: (fields: Fields, schemas: Schemas) => Form;
}

export const KINDS: readonly Kind[] = [
  {
    kind: 'video',
    title: 'Video',
    about: 'One sequence of frames that a unit of a recogniser prefers, all of them optimised together.',
    models: ['recogniser'],
    units: 'unit',
    basics: ['preset', 'frames', 'seed', 'keyframeEvery'],
  },
  {
    kind: 'image',
    title: 'Images',
    about: 'Images that units of a classifier prefer, all of them in one batch.',
    models: ['classifier'],
    units: 'units',
    basics: ['preset', 'starts', 'seed', 'keyframeEvery'],
  },
  {
    kind: 'figure',
    title: 'Figure',
    about: 'Pictures or videos of several units, starts, layers, priors or methods on one board.',
    models: ['classifier', 'recogniser'],
    units: 'units',
    noUnits: { words: 'Units as the figure has them' },
    basics: ['layers', 'checkpoints', 'priors', 'real', 'jobs', 'starts', 'frames', 'preset', 'seed'],
    leading: { figure: 's9' },
    form: figureForm,
  },
  {
    kind: 'batch',
    title: 'Batch',
    about: 'A job for each unit of a model, one after the other: videos of a recogniser, images of a classifier.',
    models: ['recogniser', 'classifier'],
    units: 'units',
    noUnits: { words: 'All units', value: 'all' },
    basics: ['preset', 'starts', 'frames', 'seed'],
    holds: { field: 'job', kinds: { recogniser: 'video', classifier: 'image' } },
  },
  {
    kind: 'audit',
    title: 'Audit',
    about: 'Does a recogniser use the order of frames? Clips are shown in order, shuffled and reversed.',
    models: ['recogniser'],
    basics: ['compare', 'clips', 'permutations', 'seed'],
  },
];
