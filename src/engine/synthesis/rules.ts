/** The rules that change what is optimised: one table, one entry a rule. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SynthesisOptimiser } from '../../protocol/synthesis.js';
import type { Graph } from '../graph/graph.js';
import type { Random } from '../random.js';
import type { Tensors } from '../runtimes/runtime.js';
import { ADAM, biasCorrections } from '../training/adam.js';
import { adamStepGraph } from './adam-step.js';
import { paperStepGraph } from './paper-step.js';
import { ppgnStepGraph } from './ppgn-step.js';
import type { AdamSettings, PaperSettings, PpgnSettings, Settings } from './presets.js';
import { isOfPictures, type Task } from './scene.js';
import { scheduled, stepSize } from './schedules.js';
import { Stepper, storedArrays, type Compile, type Start } from './stepper.js';

type Part = 'moves' | 'skipped' | 'ended';

/** What the gradients say of the update: of all codes together, or of each by itself. */
function partsOf(outputs: Tensors): Part[] {
  const [pictures, codes] = [outputs['pictureGradient']!, outputs['codeGradient']!];
  return Array.from(pictures, (picture, i): Part => {
    const sizes = [picture, codes[i]!];
    if (sizes.includes(0)) return 'ended';
    return sizes.every(Number.isFinite) ? 'moves' : 'skipped';
  });
}

/** The codes after an update; those of parts that do not move stay as they were. */
function updated(before: Float32Array, after: Float32Array, parts: readonly Part[]): Float32Array {
  if (parts.every((part) => part === 'moves')) return after;
  const codes = before.slice();
  const size = codes.length / parts.length;
  parts.forEach((part, i) => {
    if (part === 'moves') codes.set(after.subarray(i * size, (i + 1) * size), i * size);
  });
  return codes;
}

/** DGN-AM: step sizes, the end at a zero gradient, the skip of an update that is no number. */
class PaperStepper extends Stepper<PaperSettings> {
  #code: Float32Array;
  /** The code of the last iteration: the run returns its pictures, not those of the last update. */
  #shown: Float32Array;

  constructor(task: Task, settings: PaperSettings, compile: Compile, { state, arrays }: Start) {
    super(task, settings, compile);
    const stored = arrays && storedArrays(arrays, { code: state.length, shown: state.length });
    this.#code = stored?.code ?? state;
    this.#shown = stored?.shown ?? this.#code;
  }

  protected build(task: Task, settings: PaperSettings): Graph {
    return paperStepGraph(task, settings);
  }

  arrays(): Readonly<Record<string, Float32Array>> {
    return { code: this.#code, shown: this.#shown };
  }

  protected shown(): Float32Array {
    return this.#shown;
  }

  async step(iteration: number, random: Random): Promise<{ outputs: Tensors; ended: boolean }> {
    const size = stepSize(this.settings.optimiser, iteration, this.iterations);
    const outputs = await this.run({ code: this.#code, step: Float32Array.of(size) }, iteration, random);
    this.#shown = this.#code;
    const parts = partsOf(outputs);
    if (parts.every((part) => part === 'ended')) return { outputs, ended: true };
    const next = updated(this.#code, outputs['code'] as Float32Array, parts);
    this.#code = this.afterwards(next, iteration);
    return { outputs, ended: false };
  }
}

type Moments = Record<'state' | 'm' | 'v', Float32Array>;

class AdamStepper extends Stepper<AdamSettings> {
  #state: Moments;

  constructor(task: Task, settings: AdamSettings, compile: Compile, { state, arrays }: Start) {
    super(task, settings, compile);
    const { length } = state;
    this.#state = arrays
      ? storedArrays(arrays, { state: length, m: length, v: length })
      : { state, m: new Float32Array(length), v: new Float32Array(length) };
  }

  protected build(task: Task, settings: AdamSettings): Graph {
    return adamStepGraph(task, settings);
  }

  arrays(): Readonly<Record<string, Float32Array>> {
    return this.#state;
  }

  protected shown(): Float32Array {
    return this.#state.state;
  }

  async step(iteration: number, random: Random): Promise<{ outputs: Tensors; ended: boolean }> {
    const { rate, schedule, end } = this.settings.optimiser;
    const size = rate * scheduled(schedule, end, iteration / this.iterations);
    const given = { ...this.#state, rate: Float32Array.of(size), ...biasCorrections(iteration + 1, ADAM) };
    const outputs = await this.run(given, iteration, random);
    const next = { state: outputs['state'], m: outputs['m'], v: outputs['v'] } as Moments;
    if (next.state.every(Number.isFinite)) this.#state = { ...next, state: this.afterwards(next.state, iteration) };
    return { outputs, ended: false };
  }
}

class PpgnStepper extends Stepper<PpgnSettings> {
  readonly #again: Start['again'];
  #state: Float32Array;

  constructor(task: Task, settings: PpgnSettings, compile: Compile, { state, arrays, again }: Start) {
    super(task, settings, compile);
    if (settings.codes !== 'raw' || !(isOfPictures(task) || settings.sequence.form === 'free')) {
      throw new NeuroreelError(
        'REQUEST_INVALID',
        'The sampler goes over raw codes, one for each frame: a free sequence.',
      );
    }
    this.#again = again;
    this.#state = arrays ? storedArrays(arrays, { state: state.length }).state : state;
  }

  protected build(task: Task, settings: PpgnSettings): Graph {
    return ppgnStepGraph(task, settings);
  }

  arrays(): Readonly<Record<string, Float32Array>> {
    return { state: this.#state };
  }

  protected shown(): Float32Array {
    return this.#state;
  }

  async step(iteration: number, random: Random): Promise<{ outputs: Tensors; ended: boolean }> {
    const { eps2, eps3, schedule, end, resetEvery } = this.settings.optimiser;
    if (resetEvery > 0 && iteration > 0 && iteration % resetEvery === 0) this.#state = this.#again(random);
    const push = eps2 * scheduled(schedule, end, iteration / this.iterations);
    const noise = random.normals(this.#state.length, eps3 * this.task.prior.statistics.spread);
    const given = { state: this.#state, eps2: Float32Array.of(push), 'step.noise': noise };
    const outputs = await this.run(given, iteration, random);
    const next = outputs['state'] as Float32Array;
    if (next.every(Number.isFinite)) this.#state = this.afterwards(next, iteration);
    return { outputs, ended: false };
  }
}

type Rule = new (task: Task, settings: never, compile: Compile, start: Start) => Stepper;

const RULES: Readonly<Record<SynthesisOptimiser['rule'], Rule>> = {
  paper: PaperStepper,
  adam: AdamStepper,
  ppgn: PpgnStepper,
};

/** The stepper of the settings' rule, with its graph compiled. */
export function openStepper(task: Task, settings: Settings, compile: Compile, start: Start): Promise<Stepper> {
  return new RULES[settings.optimiser.rule](task, settings as never, compile, start).ready();
}
