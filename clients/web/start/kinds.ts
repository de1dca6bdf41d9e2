/** The kinds of jobs that the form starts. To add one: an entry here; its options come from its schema. */
import type { JobKind } from '../../../src/protocol/jobs.js';

export interface Kind {
  readonly kind: JobKind;
  /** On its button. */
  readonly title: string;
  /** What comes of it. */
  readonly about: string;
  /** Models that it takes, the first of which is offered. */
  readonly models: readonly ('recogniser' | 'classifier')[];
  /** Field of the unit or units that are maximised, if any. */
  readonly units?: 'unit' | 'units';
  /** Fields that are always in sight, besides model and units; all others are advanced options. */
  readonly basics: readonly string[];
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
    kind: 'audit',
    title: 'Audit',
    about: 'Does a recogniser use the order of frames? Clips are shown in order, shuffled and reversed.',
    models: ['recogniser'],
    basics: ['permutations', 'seed'],
  },
];
