/** An imported network as the encoder of an imported generator: pictures back to codes. */
import { NeuroreelError } from '../../protocol/errors.js';
import { GraphBuilder, type Graph } from '../graph/graph.js';
import { centreCrop } from '../models/pixels.js';
import { inline } from '../models/serialise.js';
import type { ImportedGenerator, ImportedModel } from './format.js';

/** A graph whose weights have names of their own, since a generator may have weights of the same names. */
const renamed = (graph: Graph): Graph => ({
  ...graph,
  constants: graph.constants.map(({ name, ...constant }) =>
    name === undefined ? constant : { ...constant, name: `encoder.${name}` },
  ),
});

/**
 * The graph `encoder` of a prior: input `image` [1, 3, H, W], the generator's pictures in the generator's numbers; output
 * `code` [1, D]. Of a picture larger than the encoder takes it sees the middle.
 * @throws NeuroreelError MODEL_INVALID when it is no network of pictures, or gives no code of the generator's size;
 * REQUEST_INVALID when it wants pictures larger than the generator's.
 */
export function encoderGraph(encoder: ImportedModel, generator: ImportedGenerator, path: string): Graph {
  if (encoder.kind !== 'network') {
    throw new NeuroreelError('MODEL_INVALID', `${path} is a ${encoder.kind}; an encoder is a network for pictures.`);
  }
  const size = generator.code.reduce((n, side) => n * side, 1);
  if (encoder.units !== size) {
    const message = `The encoder ${path} gives ${encoder.units} numbers; the generator takes codes of ${size}.`;
    throw new NeuroreelError('MODEL_INVALID', message);
  }
  const b = new GraphBuilder();
  const image = b.input('image', [1, 3, generator.height, generator.width]);
  const { logits } = inline(b, renamed(encoder.graphs.network), {
    image: centreCrop(b, image, encoder.height, encoder.width),
  });
  if (!logits) throw new NeuroreelError('MODEL_INVALID', `The encoder ${path} has no output "logits".`);
  b.output('code', logits);
  return b.build();
}
