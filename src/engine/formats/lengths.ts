/** For how many frames at once the part of a recogniser that reads sequences can be used. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SequenceRule } from '../../protocol/manifest.js';
import { GraphBuilder, typeOf, type Graph } from '../graph/graph.js';
import { inline } from '../models/serialise.js';
import type { ImportedRecogniser } from './format.js';

/** Whether a sequence graph, [T, 1, G] to scores, also runs for another number of frames. */
export function runsFor(sequence: Graph, frames: number): boolean {
  const { name, value } = sequence.inputs[0]!;
  const [, ...rest] = typeOf(sequence, value).shape;
  const b = new GraphBuilder();
  try {
    inline(b, sequence, { [name]: b.input(name, [frames, ...rest]) });
    return true;
  } catch (error) {
    if (error instanceof NeuroreelError && error.code === 'GRAPH_INVALID') return false;
    throw error;
  }
}

/**
 * Refuses a rule by which a network would be given sequences that it is not made for.
 * @throws NeuroreelError REQUEST_INVALID.
 */
export function checkLengths({ graphs, steps }: ImportedRecogniser, rule: SequenceRule): void {
  const { sequence } = graphs;
  const fixed = steps ?? typeOf(sequence, sequence.inputs[0]!.value).shape[0]!;
  // A network for whole videos must run for any number of frames, so for one more.
  const asked = rule.rule === 'whole' ? fixed + 1 : rule.length;
  if (runsFor(sequence, asked)) return;
  const what = rule.rule === 'whole' ? 'whole videos' : `sequences of ${asked} frames`;
  throw new NeuroreelError(
    'REQUEST_INVALID',
    `The network is made for ${fixed} frames and cannot be given ${what}. Its sequence may be spread:${fixed}.`,
  );
}
