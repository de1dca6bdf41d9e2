/** A step of Adam on the objective with its penalties, as one graph, and the graph that shows a state. */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph } from '../graph/graph.js';
import { add, mul } from '../ops/elementwise.js';
import { adamMove, declareCorrections } from '../training/adam.js';
import { clipped, codesOfState, isClippedState, stateShape } from './codes.js';
import { passOf } from './pass.js';
import type { AdamSettings, Settings } from './presets.js';
import { isOfPictures, seenPictures, type Task } from './scene.js';
import { rgbToBytes, toRgb } from '../models/pixels.js';

/**
 * Inputs: `state` [I + K, D], Adam's moments `m` and `v` of the same shape, `rate`, `correct.m`, `correct.v` (numbers), and
 * what `passOf` declares. Outputs: the three updated, `objective` with its penalties, and what `showStep` declares.
 */
export function adamStepGraph(task: Task, settings: AdamSettings): Graph {
  const b = new GraphBuilder();
  const state = b.input('state', stateShape(task, settings));
  const { objective } = passOf(b, task, settings, state);
  // The objective is a mean over pictures; each is to get the gradient that it would get alone.
  const seed = isOfPictures(task) ? b.scalar(task.frames) : undefined;
  const gradient = gradients(b, objective, [state], seed)[0]!;
  const move = adamMove(b, gradient, { m: 'm', v: 'v' }, declareCorrections(b));
  const moved = add(b, state, mul(b, move, b.input('rate', [])));
  const kept = isClippedState(task, settings) ? clipped(b, task, settings, moved) : moved;
  const { decay } = settings.optimiser;
  b.output('state', decay === 1 ? kept : mul(b, kept, b.scalar(decay)));
  b.output('objective', objective);
  return b.build();
}

/** The frames of a state without noise and jitter: input `state`, outputs `pixels` [T, H, W, 3] and `codes` [T, D]. */
export function renderGraph(task: Task, settings: Settings): Graph {
  const b = new GraphBuilder();
  const { codes } = codesOfState(b, task, settings, b.input('state', stateShape(task, settings)));
  const pictures = seenPictures(b, task, codes);
  b.output('pixels', rgbToBytes(b, toRgb(b, pictures, task.model.manifest.input)));
  b.output('codes', codes);
  return b.build();
}
