/**
 * Every Keras layer class that can be imported, by name. To add one, write its entry in a file of this folder and list
 * it here; the tests say what is missing. `InputLayer`, `TimeDistributed` and whole models as layers are taken apart
 * before (see `topology.ts`).
 */
import { activationLayers } from './activation.js';
import { convolutionLayers } from './convolution.js';
import { coreLayers } from './core.js';
import type { LayerType } from './definition.js';
import { mergeLayers } from './merge.js';
import { normalisationLayers } from './normalisation.js';
import { poolingLayers } from './pooling.js';
import { recurrentLayers } from './recurrent.js';
import { shapeLayers } from './shape.js';
import { volumeLayers } from './volume.js';

const all: Readonly<Record<string, LayerType>> = {
  ...coreLayers,
  ...activationLayers,
  ...convolutionLayers,
  ...poolingLayers,
  ...normalisationLayers,
  ...mergeLayers,
  ...shapeLayers,
  ...volumeLayers,
  ...recurrentLayers,
} as unknown as Readonly<Record<string, LayerType>>;

export const LAYERS: ReadonlyMap<string, LayerType> = new Map(Object.entries(all));
