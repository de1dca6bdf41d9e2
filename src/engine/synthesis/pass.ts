/** What every rule computes of a state before it moves it: codes, pictures, scores, the objective and its penalties. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import { mul, sub } from '../ops/elementwise.js';
import { codesOfState } from './codes.js';
import { activePenalties, declareControls } from './controls.js';
import { objectiveOf } from './objectives.js';
import { PENALTIES } from './penalties.js';
import type { Settings } from './presets.js';
import { isOfPictures, ofWindow, picked, placesOf, scoresOf, seen, showStep, type Scores, type Task } from './scene.js';
import { hasViews, viewed } from './views.js';

export interface Pass {
  /** [T, D] */
  readonly codes: Value;
  /** The prior's pictures, and what the network sees of them as they are. */
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

/** Declares, besides what `controlInputs` gives, `noise` [T, D] and a view where the settings have them. */
export function passOf(b: GraphBuilder, task: Task, settings: Settings, state: Value): Pass {
  const { objective: aim, noise } = settings;
  const controls = declareControls(b, task);
  const given = noise > 0 ? b.input('noise', [task.frames, task.prior.size]) : null;
  const read = codesOfState(b, task, settings, state, given);
  const drawn = task.prior.build(b, read.codes);
  const pictures = seen(b, task, drawn);
  const scores = scoresOf(b, task, hasViews(settings) ? viewed(b, pictures) : pictures);
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
