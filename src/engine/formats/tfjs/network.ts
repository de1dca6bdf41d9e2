/** Makes graphs of a Keras model, by what it takes: pictures, sequences of pictures, or codes that become pictures. */
import type { ImportedGenerator, ImportedNetwork, ImportedRecogniser, ReadOptions } from '../format.js';
import { unsupported } from './builder.js';
import { buildGenerator, buildPictures, pictureShape, type Built } from './pictures.js';
import { buildSequences } from './recogniser.js';
import type { Topology } from './topology.js';
import type { KerasWeights } from './weights.js';

/**
 * Makes the graphs of a model.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED for an input that is neither a picture nor a sequence of pictures nor
 * a code that becomes a picture, GRAPH_INVALID where shapes do not fit, MODEL_INVALID where weights are missing.
 */
export function buildModel(
  topology: Topology,
  weights: KerasWeights,
  options: ReadOptions = {},
): Built<ImportedRecogniser> | Built<ImportedNetwork> | Built<ImportedGenerator> {
  const { input } = topology;
  if (input.length === 3) return buildPictures(topology, weights, pictureShape(input, options.size));
  if (input.length === 4) return buildSequences(topology, weights, options);
  const [length] = input;
  if (input.length === 1 && typeof length === 'number') {
    const generator = buildGenerator(topology, weights, [length]);
    if (generator) return generator;
  }
  return unsupported(
    `The model takes [${input.map((dim) => dim ?? 'any').join(', ')}]; pictures, sequences of pictures, and codes that ` +
      'become pictures can be imported.',
  );
}
