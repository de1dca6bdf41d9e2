/** TensorFlow.js layers models, which is to say Keras models, as a format of the importer. */
import { basename, dirname, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import type { ImportedModel, ModelFormat, ReadOptions } from '../format.js';
import { modelJsonOf, readTfjsFiles } from './files.js';
import { buildModel } from './network.js';
import { readTopology } from './topology.js';
import { KerasWeights } from './weights.js';

async function read(path: string, options: ReadOptions = {}): Promise<ImportedModel> {
  const files = await readTfjsFiles(path);
  const topology = readTopology(files.topology);
  const model = buildModel(topology, new KerasWeights(files.weights), options);
  const maker = files.generatedBy === null ? '' : ` (${files.generatedBy})`;
  return { ...model, origin: `TensorFlow.js layers model ${basename(dirname(resolve(files.path)))}${maker}` };
}

export const tfjsLayers: ModelFormat = {
  name: 'TensorFlow.js layers model (model.json)',
  async recognises(path) {
    if (!path.endsWith('.json') && !(await stat(path).catch(() => null))?.isDirectory()) return false;
    return (await stat(await modelJsonOf(path)).catch(() => null))?.isFile() ?? false;
  },
  read,
};
