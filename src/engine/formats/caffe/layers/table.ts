/**
 * Every Caffe layer type that can be imported, by name. To add one, write its entry in a file of this folder and list it
 * here; the tests say what is missing. Layers of data and losses are dealt with before (see `net.ts`).
 */
import { activationLayers } from './activation.js';
import { convolutionLayers } from './convolution.js';
import type { LayerType } from './definition.js';
import { denseLayers } from './dense.js';
import { mergeLayers } from './merge.js';
import { normalisationLayers } from './normalisation.js';
import { poolingLayers } from './pooling.js';
import { recurrentLayers } from './recurrent.js';
import { shapeLayers } from './shape.js';

const all: Readonly<Record<string, LayerType>> = {
  ...convolutionLayers,
  ...denseLayers,
  ...poolingLayers,
  ...normalisationLayers,
  ...activationLayers,
  ...mergeLayers,
  ...shapeLayers,
  ...recurrentLayers,
} as unknown as Readonly<Record<string, LayerType>>;

export const LAYERS: ReadonlyMap<string, LayerType> = new Map(Object.entries(all));
