/** `neuroreel figure NAME`: the kinds of figures of the paper's supplement, made here. */
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FIGURE_FILES } from '../../../src/jobs/figures/run-figure.js';
import { figureReport, parseWith, type FigureField, type FigureOptions } from '../../../src/protocol/index.js';
import { FIGURES, figureNamed, type FigureEntry } from '../../../src/jobs/figures/table.js';
import { action } from '../command.js';
import { figureAgain, figureWithProgress, figureWords } from '../figures.js';
import { columns as inColumns } from '../format.js';
import {
  computeOptions,
  examples,
  synthesisOptions,
  type ComputeOptions,
  type GlobalOptions,
  type SynthesisOptions,
} from '../options.js';
import { fromPicture, unitList, whole } from '../option-values.js';
import { makeJob } from '../job-making.js';
import type { Output } from '../output.js';
import { refuseWithServer, serverAddress, serverOptions, type ServerOptions } from '../server-options.js';
import { memoryChoice, openRegistry, runtimeChoice } from '../settings.js';

interface FigureCommandOptions extends GlobalOptions, ComputeOptions, Omit<SynthesisOptions, 'prior'>, ServerOptions {
  readonly model?: string;
  readonly units?: (string | number)[];
  readonly layers?: string[];
  readonly priors?: string[];
  readonly checkpoints?: string[];
  readonly starts?: number;
  readonly frames?: number;
  readonly videos?: string[];
  readonly real?: string;
  readonly picture?: string;
  readonly again?: string;
  readonly fps: number;
  readonly out?: string;
}

const list = (text: string, before: readonly string[] = []): string[] => [
  ...before,
  ...text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
];

/** Options by the fields of a request, where they are called otherwise. */
const OPTION: Readonly<Partial<Record<FigureField, string>>> = { jobs: 'videos' };

/** A figure in a list: its names, what is on it, what it needs. */
function lineOf({ name, also = [], describe, needs = [] }: FigureEntry): [names: string, words: string] {
  const more = [
    ...(also.length === 0 ? [] : [`${also.join(' and ')}: the same of other models, --model`]),
    ...needs.map((field) => `needs --${OPTION[field] ?? field}`),
  ];
  return [[name, ...also].join(', '), more.length === 0 ? describe : `${describe} (${more.join('; ')})`];
}

export function define(command: Command): void {
  command
    .argument('[name]', 'which one; without a name, the figures there are')
    .option('--model <name>', 'the model (default: as the figure says)')
    .option('--units <list>', 'labels or indices with commas between them', unitList)
    .option('--layers <list>', 'hidden layers, of a figure of layers', list)
    .option('--priors <list>', 'priors; the first one where a figure has only one', list)
    .option('--checkpoints <list>', 'models, of a figure of checkpoints', list);
  synthesisOptions(command, ['prior']);
  command
    .option('--starts <n>', 'pictures of a unit, each from a start of its own', whole(1, 64))
    .option('--frames <n>', 'frames of each video of a recogniser', whole(1, 4096))
    .option(
      '--videos <paths...>',
      'videos, or folders that `neuroreel video` made, to put beside each other; with --server: ids of its jobs',
    )
    .option(
      '--real <path>',
      'real examples: a folder of class folders, or a .tar of one; with --server: a set of its clips',
    )
    .option('--picture <path>', 'a picture, or a video, whose code the runs start from')
    .option('--again <file>', 'make a figure again from its figure.json, to --out; no other option is asked')
    .option('--fps <n>', 'frames a second of the MP4', whole(1, 120), 12)
    .option('--out <folder>', 'folder for figure.png, figure.mp4 and figure.json (default: out/figure-NAME)');
  computeOptions(serverOptions(command)).action(action(figure));
  command.addHelpText('after', `\nFigures:\n${inColumns(FIGURES.map((entry) => ['', ...lineOf(entry)]))}`);
  examples(command, [
    ['a montage of nine starts of one unit', 'neuroreel figure s9 --units goldfish'],
    ['pairs of units of a classifier of yours', 'neuroreel figure s11 --model mine --units cat,dog,bus,boat'],
    ['real clips beside preferred videos, as PNG and MP4', 'neuroreel figure real --units walk_left,climb_up'],
    ['starts near the code of a photograph', 'neuroreel figure s10 --units goldfish --picture pond.jpg'],
    ['the real pictures nearest to what was made', 'neuroreel figure s22 --real /data/tiny-imagenet-40.tar'],
    ['a figure again, from what its document says', 'neuroreel figure --again out/figure-s9/figure.json'],
    ['two finished videos side by side', 'neuroreel figure beside --videos out/one out/two'],
  ]);
}

async function figure(out: Output, options: FigureCommandOptions, name?: string): Promise<void> {
  const again = options.again === undefined ? null : await figureAgain(resolve(options.again));
  if (name === undefined && again === null) {
    const known = FIGURES.map(({ name: own, also = [], describe }) => ({ name: own, also, describe }));
    out.result(known, inColumns(FIGURES.map(lineOf)));
    return;
  }
  if (serverAddress(options) !== undefined) return figureThere(out, options, name);
  const asked = again ?? { entry: figureNamed(name!), options: figureOptions(options), fps: options.fps };
  const folder = resolve(options.out ?? `out/figure-${asked.entry.name}${again ? '-again' : ''}`);
  const { report } = await figureWithProgress(out, {
    ...{ ...asked, folder, threads: options.threads },
    ...{ registry: openRegistry(options.models), memory: memoryChoice(options.memory) },
    ...runtimeChoice(options),
  });
  out.result({ folder, report }, figureWords(report, folder));
}

/** Has a server make it: videos are jobs of it then, and real examples a set of its clips. */
async function figureThere(out: Output, options: FigureCommandOptions, name = ''): Promise<void> {
  refuseWithServer(options, ['again', 'picture']);
  const { model, units, layers, priors, checkpoints, preset, settings, starts, seed, iterations, frames } = options;
  const { videos: jobs, real, fps } = options;
  const figureName = figureNamed(name).name;
  const folder = resolve(options.out ?? `out/figure-${figureName}`);
  await makeJob(out, {
    ...{ what: 'figure', folder, options },
    request: () => ({
      ...{ kind: 'figure', figure: figureName, model, units, layers, priors, checkpoints, preset, settings },
      ...{ starts, seed, iterations, frames, jobs, real, fps },
    }),
  });
  const text = await readFile(join(folder, FIGURE_FILES.report), 'utf8');
  const report = parseWith(figureReport, JSON.parse(text), 'INTERNAL');
  out.result({ folder, report }, figureWords(report, folder));
}

function figureOptions(options: FigureCommandOptions): FigureOptions {
  const { model, units, layers, priors, checkpoints, preset, settings, starts, seed, iterations, frames } = options;
  const { videos, real, picture } = options;
  return {
    ...{ model, units, layers, priors, models: checkpoints, preset, settings, starts, seed, iterations, frames },
    videos: videos?.map((path) => resolve(path)),
    real: real === undefined ? undefined : resolve(real),
    ...(picture !== undefined && { picture: resolve(picture), settings: fromPicture(settings) }),
  };
}
