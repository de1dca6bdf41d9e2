/** `neuroreel train`: trains a model from its recipe, goes on where it was interrupted, and packs it. */
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readPackage, writePackage } from '../../../src/engine/models/package.js';
import { ModelRegistry } from '../../../src/engine/models/registry.js';
import type { Weights } from '../../../src/engine/models/safetensors.js';
import { openRuntime } from '../../../src/engine/runtimes/open.js';
import type { PackedClip, Recipe, RecipeContext } from '../../../src/engine/training/recipe.js';
import { readSnapshots, train as runTraining } from '../../../src/engine/training/trainer.js';
import { Pace } from '../../../src/jobs/pace.js';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { encodeVideo } from '../../../src/video/encoder.js';
import { findFfmpeg } from '../../../src/video/ffmpeg-binary.js';
import { action } from '../command.js';
import { writing } from '../errors.js';
import { columns, facts, figure } from '../format.js';
import { onInterrupt, type Interrupt } from '../interrupt.js';
import { deviceOption, examples, runtimeOption, threadsOption, type GlobalOptions } from '../options.js';
import { whole } from '../option-values.js';
import type { Output } from '../output.js';
import { loadRecipe, recipeNames } from '../recipes.js';
import { openRegistry, runtimeChoice, trainFolder } from '../settings.js';
import { TrainingRun } from '../training-run.js';

interface TrainOptions extends GlobalOptions {
  readonly out?: string;
  readonly steps?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly runtime?: string;
  readonly device?: string;
  readonly work?: string;
  readonly force?: boolean;
}

export function define(command: Command): void {
  command
    .argument('[recipe]', 'name of a recipe, or path of a compiled one (.js); without it, list the recipes')
    .option('--out <folder>', 'folder of packages to write to (default: models/ in a clone, else the one of the user)')
    .option('--steps <n>', "steps of training (default: the recipe's)", whole(1, 100_000_000))
    .option('--seed <n>', "seed of weights and data (default: the recipe's)", whole(0, 0xffffffff))
    .option('--work <folder>', 'folder for the checkpoint and the curve (default: out/train/NAME)')
    .option('--force', 'begin anew whatever an earlier run left, and replace the model that is there')
    .addOption(runtimeOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .action(action(train));
  examples(command, [
    ['the recipes', 'neuroreel train'],
    [
      'the default recogniser again, and then the prior that needs it',
      'neuroreel train figures-lrcn && neuroreel train figures-prior',
    ],
    ['go on after Ctrl-C', 'neuroreel train figures-lrcn'],
    [
      'a short try that leaves the model alone',
      'neuroreel train figures-lrcn --steps 50 --out out/models --work out/try',
    ],
  ]);
}

async function train(out: Output, options: TrainOptions, name?: string): Promise<void> {
  if (name === undefined) {
    await list(out);
    return;
  }
  const recipe = await loadRecipe(name);
  await new Training(out, recipe, options).run();
}

async function list(out: Output): Promise<void> {
  const recipes = await Promise.all(recipeNames().map((name) => loadRecipe(name)));
  const rows = recipes.map(({ name, steps, needs, describe }) => [
    name,
    String(steps),
    needs.join(', ') || '-',
    describe,
  ]);
  const documents = recipes.map(({ name, describe, seed, steps, needs }) => ({ name, describe, seed, steps, needs }));
  out.result({ recipes: documents }, columns([['RECIPE', 'STEPS', 'NEEDS', 'MAKES'], ...rows]));
}

class Training {
  readonly #out: Output;
  readonly #recipe: Recipe;
  readonly #options: TrainOptions;
  readonly #seed: number;
  readonly #steps: number;
  /** Folder of the package. */
  readonly #directory: string;
  readonly #registry: ModelRegistry;

  constructor(out: Output, recipe: Recipe, options: TrainOptions) {
    const folder = resolve(options.out ?? trainFolder());
    this.#out = out;
    this.#recipe = recipe;
    this.#options = options;
    this.#seed = options.seed ?? recipe.seed;
    this.#steps = options.steps ?? recipe.steps;
    this.#directory = join(folder, recipe.name);
    // What was trained to the same place goes before what is installed.
    this.#registry = ModelRegistry.open({ folders: [folder, ...openRegistry().folders] });
  }

  async run(): Promise<void> {
    const { work = join('out', 'train', this.#recipe.name), force = false } = this.#options;
    await this.#check();
    const context = await this.#context();
    const identity = { recipe: this.#recipe.name, seed: this.#seed, steps: this.#steps };
    const run = TrainingRun.open(resolve(work), identity, force);
    const message = `Training is not finished; ${run.folder} holds its checkpoint.`;
    const interrupt = onInterrupt(this.#out, { message, goesOn: true });
    try {
      const { weights, watched } = await this.#train(run, context, interrupt);
      const curves = await run.plot(`${this.#recipe.name}, seed ${this.#seed}`, watched);
      interrupt.signal.throwIfAborted();
      interrupt.endAtOnce();
      this.#report(await this.#pack(weights, context, run), run, curves);
    } finally {
      interrupt.release();
    }
  }

  /** What can be found out before hours are spent. */
  async #check(): Promise<void> {
    const { force = false } = this.#options;
    const asWritten = this.#seed === this.#recipe.seed && this.#steps === this.#recipe.steps;
    if (!force && !asWritten && existsSync(join(this.#directory, 'model.json'))) {
      const message =
        `${this.#directory} holds a model already, and another seed or number of steps than the recipe's would ` +
        'replace it: name another folder with --out, or add --force.';
      throw new NeuroreelError('MODEL_EXISTS', message);
    }
    for (const needed of this.#recipe.needs) this.#weightsOf(needed);
    if (this.#recipe.clips) await findFfmpeg();
  }

  #weightsOf(name: string): Weights {
    return readPackage(this.#directoryOf(name)).weights;
  }

  #directoryOf(name: string): string {
    try {
      return this.#registry.directory(name);
    } catch (cause) {
      const message = `The recipe ${this.#recipe.name} needs the model ${name}, which is not there: train that first.`;
      throw new NeuroreelError('MODEL_UNKNOWN', message, { cause });
    }
  }

  async #context(): Promise<RecipeContext> {
    const { runtime, device } = runtimeChoice(this.#options);
    return {
      seed: this.#seed,
      steps: this.#steps,
      runtime: await openRuntime(runtime, device),
      threads: this.#options.threads,
      weightsOf: (name) => this.#weightsOf(name),
      log: (line) => this.#out.note(line),
    };
  }

  async #train(run: TrainingRun, context: RecipeContext, { signal }: Interrupt) {
    const begun = run.begun;
    const where = begun ? 'goes on from its checkpoint' : 'begins';
    this.#out.note(`${this.#recipe.name} ${where}: seed ${this.#seed}, ${this.#steps} steps; curve in ${run.curve}`);
    const bar = this.#out.progress('training', this.#steps);
    const pace = new Pace();
    let watched: string[] = [];
    const weights = await runTraining(this.#recipe.task(context), {
      runtime: context.runtime,
      threads: context.threads,
      folder: run.folder,
      signal,
      onProgress: (progress) => {
        const { step, steps, loss, gradientNorm, seconds } = progress;
        const watch = this.#recipe.watch(progress);
        watched = Object.keys(watch);
        run.record(step, { loss, gradientNorm, seconds, ...watch });
        pace.add(seconds);
        const figures = Object.entries({ loss, ...watch }).map(
          ([figureName, value]) => `${figureName} ${figure(value)}`,
        );
        bar.update(step, figures.join('  '), pace.eta(steps - step));
      },
    });
    this.#out.endProgress();
    return { weights, watched };
  }

  async #pack(weights: Weights, context: RecipeContext, { folder }: TrainingRun) {
    this.#out.note('Measuring on data it has not seen, and packing.');
    const content = await this.#recipe.pack(weights, context);
    const manifest = await writing(this.#directory, () => writePackage(this.#directory, content, true));
    const snapshots = readSnapshots(folder, this.#recipe.task(context).snapshots ?? []);
    for (const [name, part] of (await this.#recipe.packOthers?.(weights, snapshots, context)) ?? []) {
      const place = join(dirname(this.#directory), name);
      await writing(place, () => writePackage(place, part, true));
    }
    const clips = this.#recipe.clips?.();
    const kept = clips ? await this.#writeClips(clips) : 0;
    return { quality: manifest.quality, clips: kept };
  }

  /** Makes `clips/LABEL/NAME.mp4` of them; the old ones go when all new ones are there. */
  async #writeClips(clips: Iterable<PackedClip>): Promise<number> {
    const [folder, made] = [join(this.#directory, 'clips'), join(this.#directory, 'clips.new')];
    const all = [...clips];
    const bar = this.#out.progress('encoding', all.length);
    await writing(made, async () => {
      await rm(made, { recursive: true, force: true });
      for (const [i, { label, name, pixels, width, height }] of all.entries()) {
        await mkdir(join(made, label), { recursive: true });
        const frames = { frames: pixels, count: pixels.length / (3 * width * height), width, height };
        const path = join(made, label, `${name}.mp4`);
        await encodeVideo(frames, { path, width, height, fps: 25, crf: 12, upscale: 'none' });
        bar.update(i + 1, 'clips', null);
      }
      await rm(folder, { recursive: true, force: true });
      await rename(made, folder);
    });
    this.#out.endProgress();
    return all.length;
  }

  #report(
    { quality, clips }: { quality: Readonly<Record<string, unknown>>; clips: number },
    run: TrainingRun,
    curves: string[],
  ): void {
    const { manifest, sha256 } = readPackage(this.#directory);
    const about = { name: manifest.name, folder: this.#directory, sha256, seed: this.#seed, steps: this.#steps };
    const measured = Object.entries(quality).map(([name, value]) => [`  ${name}`, value] as const);
    this.#out.result(
      { ...about, quality, clips, work: run.folder, curve: run.curve, plots: curves },
      facts([
        ['model', `${manifest.name}, in ${this.#directory}`],
        ['sha256', sha256],
        ['clips', clips === 0 ? '' : `${clips} packed with it`],
        ['curve', curves],
        ['quality', measured.length === 0 ? 'not measured' : 'as measured on data it has not seen:'],
        ...measured,
      ]),
    );
  }
}
