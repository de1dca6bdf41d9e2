/** Networks that look at examples: the model itself, and judges that took no part in the synthesis. */
import { SCORES } from '../../engine/models/classifier.js';
import { pictureScoringGraph } from '../../engine/models/classifier.js';
import { VideoScorer } from '../../engine/models/scoring.js';
import { isClassifier } from '../../engine/models/registry.js';
import type { CompiledGraph, Runtime } from '../../engine/runtimes/runtime.js';
import { resizeFrames, type FrameSequence } from '../../video/index.js';
import type { EvaluatedModel } from './examples.js';

/** What a network makes of an example. */
export interface Scores {
  /** Before softmax, [labels]. */
  readonly logits: Float32Array;
  readonly probabilities: Float32Array;
}

export interface Viewer {
  readonly name: string;
  readonly sha256: string;
  readonly labels: readonly string[];
  /** An example of any size: scaled to the network's. */
  score(clip: FrameSequence): Promise<Scores>;
  close(): Promise<void>;
}

/** Opens a network; of a classifier each picture is scored by itself. */
export async function openViewer(model: EvaluatedModel, runtime: Runtime, threads?: number): Promise<Viewer> {
  const { name, labels, input } = model.manifest;
  const about = { name, sha256: model.sha256, labels };
  const fit = (clip: FrameSequence): Promise<FrameSequence> => resizeFrames(clip, input.width, input.height);
  if (!isClassifier(model)) {
    const scorer = new VideoScorer(model, runtime, threads);
    return {
      ...about,
      score: async (clip) => scorer.score((await fit(clip)).frames),
      close: () => scorer.close(),
    };
  }
  const graph: CompiledGraph = await runtime.compile(pictureScoringGraph(model, 1, { layer: SCORES, position: null }), {
    threads,
  });
  return {
    ...about,
    async score(clip) {
      const { units, probabilities } = await graph.run({ pixels: (await fit(clip)).frames });
      return { logits: units as Float32Array, probabilities: probabilities as Float32Array };
    },
    close: () => graph.close(),
  };
}
