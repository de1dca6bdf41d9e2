/** What every rule computes of a state before it moves it: codes, pictures, scores, the objective and its penalties. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { mul, sub } from '../ops/elementwise.js';
import { codesOfState } from './codes.js';
import { activePenalties, declareControls } from './controls.js';
import { objectiveOf } from './objectives.js';
import { PENALTIES } from './penalties.js';
import type { Settings } from './presets.js';
import { isOfPictures, ofWindow, picked, placesOf, scoresOf, seen, showStep, type Scores, type Task } from './scene.js';

/** The kernel, [3, 1, s, s], whose convolution shifts a picture down by dy and right by dx, each at most `jitter`. */
export function shiftKernel(jitter: number, dy: number, dx: number): Float32Array {
  const side = 2 * jitter + 1;
  const kernel = new Float32Array(3 * side * side);
  for (let c = 0; c < 3; c++) kernel[(c * side + jitter - dy) * side + jitter - dx] = 1;
  return kernel;
}

function shifted(b: GraphBuilder, pictures: Value, jitter: number): Value {
  if (jitter === 0) return pictures;
  const side = 2 * jitter + 1;
  const kernel = b.input('shift', [3, 1, side, side]);
  return conv2d(b, pictures, kernel, null, { groups: 3, pads: [jitter, jitter, jitter, jitter] });
}

export interface Pass {
  /** [T, D] */
  readonly codes: Value;
  /** The prior's pictures, and what the network sees of them without jitter. */
  readonly drawn: Value;
  readonly pictures: Value;
  readonly scores: Scores;
  /** The objective without penalties, a mean over pictures. */
  readonly target: Value;
  /** With them. */
  readonly objective: Value;
  /** Whether all of the objective goes through the pictures alone. */
  readonly plain: boolean;
}

/** Declares, besides what `controlInputs` gives, `noise` [T, D] and `shift` [3, 1, s, s] where the settings have them. */
export function passOf(b: GraphBuilder, task: Task, settings: Settings, state: Value): Pass {
  const { objective: aim, noise, jitter } = settings;
  const controls = declareControls(b, task);
  const given = noise > 0 ? b.input('noise', [task.frames, task.prior.size]) : null;
  const read = codesOfState(b, task, settings, state, given);
  const drawn = task.prior.build(b, read.codes);
  const pictures = seen(b, task, drawn);
  const scores = scoresOf(b, task, shifted(b, pictures, jitter));
  const all = [scores.steps, ...scores.others].map((steps, k) => picked(b, steps, controls.rows(k)));
  const places = placesOf(task);
  const counted = all.map((score, k) => ofWindow(b, task, places[k]!, score, aim.window));
  const target = objectiveOf(
    {
      b,
      steps: ofWindow(b, task, places[0]!, scores.steps, aim.window),
      scores: counted,
      codes: read.codes,
      pictures: isOfPictures(task),
      controls,
    },
    aim,
  );
  const sequence = isOfPictures(task) ? 1 : task.frames;
  const terms = activePenalties(settings).flatMap((name) => {
    const { frames = 1, build } = PENALTIES[name];
    const weight = controls.number(`weight.${name}`);
    const term = sequence < frames ? null : build({ b, task, drawn, pictures, controls, ...read });
    return term ? [mul(b, term, weight)] : [];
  });
  const objective = terms.reduce((total, term) => sub(b, total, term), target);
  showStep(b, task, pictures, all, counted);
  const plain = terms.length === 0 && aim.kind !== 'joint';
  return { codes: read.codes, drawn, pictures, scores, target, objective, plain };
}
