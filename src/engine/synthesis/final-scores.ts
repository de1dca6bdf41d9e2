/** Scores of final frames, from their bytes, as real ones would be scored: of the window that counts, where there is one. */
import { GraphBuilder, type Graph } from '../graph/graph.js';
import { bytesToRgb, fromRgb } from '../models/pixels.js';
import { reshape } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { softmax } from '../ops/softmax.js';
import type { Runtime } from '../runtimes/runtime.js';
import { pickingInputs, declareControls } from './controls.js';
import type { Settings } from './presets.js';
import { isOfPictures, ofWindow, picked, placesOf, scoresOf, type Task } from './scene.js';
import type { SynthesisResult } from './types.js';

/**
 * Inputs: RGB bytes `pixels` [T, H, W, 3], and what picks the units. Outputs: `score.k`, unit k for the video [1] or for each
 * picture [N], and `probabilities`, [labels] or [N, labels].
 */
function finalGraph(task: Task, { objective }: Settings): Graph {
  const { input } = task.model.manifest;
  const b = new GraphBuilder();
  const controls = declareControls(b, task);
  const bytes = b.input('pixels', [task.frames, input.height, input.width, 3], 'uint8');
  const scores = scoresOf(b, task, fromRgb(b, bytesToRgb(b, bytes), input));
  const axes = isOfPictures(task) ? [1] : [0, 1];
  const places = placesOf(task);
  [scores.steps, ...scores.others].forEach((steps, k) => {
    const counted = ofWindow(b, task, places[k]!, picked(b, steps, controls.rows(k)), objective.window);
    b.output(`score.${k}`, reshape(b, mean(b, counted, axes), [-1]));
  });
  b.output('probabilities', mean(b, softmax(b, scores.logits), axes, false));
  return b.build();
}

/** Mean over the rows of [N, width]. */
function meanRow(data: Float32Array, width: number): Float32Array {
  const rows = data.length / width;
  const sums = new Float64Array(width);
  data.forEach((x, i) => (sums[i % width]! += x));
  return Float32Array.from(sums, (sum) => sum / rows);
}

type FinalScores = Pick<SynthesisResult, 'activation' | 'probabilities' | 'pictures' | 'unitActivations'>;

/** @param pixels RGB bytes [T, H, W, 3] of the network's input size */
export async function finalScores(
  task: Task,
  settings: Settings,
  pixels: Uint8Array,
  runtime: Runtime,
  threads: number | undefined,
): Promise<FinalScores> {
  const graph = await runtime.compile(finalGraph(task, settings), { threads });
  const outputs = await graph.run({ ...pickingInputs(task, settings), pixels });
  await graph.close();
  const units = [0, ...(task.others ?? []).map((_, k) => k + 1)].map((k) => outputs[`score.${k}`] as Float32Array);
  const means = units.map((values) => meanRow(values, 1)[0]!);
  const probabilities = outputs['probabilities'] as Float32Array;
  const several = units.length > 1 && { unitActivations: means };
  if (!isOfPictures(task)) return { activation: means[0]!, probabilities, ...several };
  return {
    activation: means[0]!,
    probabilities: meanRow(probabilities, task.model.manifest.labels.length),
    pictures: { activations: units[0]!, probabilities, units },
    ...several,
  };
}
