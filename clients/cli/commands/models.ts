/** `neuroreel models`: lists what is installed, shows one, tells the layers of one, imports one. */
import { Option, InvalidArgumentError, type Command } from 'commander';
import { resolve } from 'node:path';
import { importModel } from '../../../src/engine/formats/import.js';
import type { ModelPackage } from '../../../src/engine/models/package.js';
import { readPackage } from '../../../src/engine/models/package.js';
import { asNeuroreelError } from '../../../src/jobs/job-thread.js';
import {
  NeuroreelError,
  type ModelManifest,
  type ModelSummary,
  type RecogniserManifest,
  type SequenceRule,
} from '../../../src/protocol/index.js';
import { action } from '../command.js';
import { columns, facts } from '../format.js';
import { examples, modelFolderOption, perChannel, whole, type GlobalOptions } from '../options.js';
import { layersOf } from '../model-layers.js';
import type { Output } from '../output.js';
import { importFolder, openRegistry } from '../settings.js';

interface ModelsOptions extends GlobalOptions {
  readonly models?: string[];
}

interface ImportCommandOptions extends GlobalOptions {
  readonly name: string;
  readonly out?: string;
  readonly labels?: string;
  readonly order: 'rgb' | 'bgr';
  readonly mean: number | [number, number, number];
  readonly scale: number | [number, number, number];
  readonly sequence?: SequenceRule;
  readonly size?: [number, number];
  readonly precision: 'F16' | 'F32';
  readonly licence: string;
  readonly title?: string;
  readonly description?: string;
  readonly source?: string;
  readonly overwrite?: boolean;
}

export function define(command: Command): void {
  command
    .argument('[name]', 'show this model; without a name, list all')
    .addOption(modelFolderOption())
    .action(action(listOrShow));
  examples(command, [
    ['what is installed, and where', 'neuroreel models'],
    ['one model: units, quality, hashes (all of its files are checked)', 'neuroreel models figures-lrcn'],
    ['the labels, for a script', "neuroreel models figures-lrcn --json | jq -r '.manifest.labels[]'"],
    ['its layers: shapes, weights, cost, receptive fields', 'neuroreel models inspect figures-lrcn'],
    [
      'a network that was exported from Keras; more with `models import --help`',
      'neuroreel models import model.json --name mine',
    ],
  ]);
  defineInspect(command.command('inspect <model>'));
  defineImport(command.command('import <path>'));
}

interface InspectOptions extends ModelsOptions {
  readonly weights?: string;
  readonly size?: [number, number];
  readonly steps?: number;
}

function defineInspect(command: Command): void {
  command
    .description('the layers of an installed model or of a model file: shapes, weights, cost, receptive fields')
    .option('--weights <file>', 'file of weights, for a format that keeps them apart (Caffe); else they are random')
    .option('--size <WxH>', 'size of a picture, for a file that leaves it open', frameSize)
    .option('--steps <n>', 'frames of a sequence, for a file that leaves their number open', whole(1, 4096))
    .action(action(inspect));
  examples(command, [
    ['an installed model', 'neuroreel models inspect figures-lrcn'],
    ['a model file, before it is imported', 'neuroreel models inspect lrcn/model.json'],
    [
      'the receptive fields, for a script',
      "neuroreel models inspect figures-lrcn --json | jq '.graphs[0].layers[] | {name, receptiveField}'",
    ],
  ]);
}

async function inspect(out: Output, options: InspectOptions, what?: string): Promise<void> {
  const { weights, size, steps } = options;
  const reading = { ...(weights && { weights: resolve(weights) }), ...(size && { size }), ...(steps && { steps }) };
  try {
    const { document, text } = await layersOf(what!, openRegistry(options.models), reading);
    out.result(document, text);
  } catch (error) {
    const layers = unsupported(error);
    if (layers.length > 0) out.say(`what cannot be run\n${layers.map((layer) => `  ${layer}`).join('\n')}`);
    throw error;
  }
}

/** The layers that an error names in its details. */
function unsupported(error: unknown): string[] {
  if (!(error instanceof NeuroreelError) || error.code !== 'MODEL_FORMAT_UNSUPPORTED') return [];
  const lists = Object.values((error.details ?? {}) as Record<string, unknown>);
  return lists.flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
}

function defineImport(command: Command): void {
  command
    .description('make a model package of a model file')
    .requiredOption('--name <name>', 'name of the package: small letters, digits, . _ -')
    .option(
      '--out <folder>',
      'folder of packages to write to (default: the first of NEUROREEL_MODELS, else the one of the user)',
    )
    .option('--labels <file>', 'labels of the units: a JSON list, {"labels": [...]}, or one a line')
    .addOption(
      new Option('--order <order>', 'colour channels that the network wants').choices(['rgb', 'bgr']).default('rgb'),
    )
    .option(
      '--mean <m>',
      'subtracted from the bytes 0..255: one number, or three in the order of the channels',
      perChannel,
      0,
    )
    .option('--scale <s>', 'multiplied with after that: one number or three, 1/255 for example', perChannel, 1)
    .option(
      '--sequence <rule>',
      'how a video is fed: spread:N, windows:N:STRIDE or whole (default: as the file fixes)',
      sequenceRule,
    )
    .option('--size <WxH>', 'size of a frame, for a file that leaves it open', frameSize)
    .addOption(new Option('--precision <p>', 'how weights are stored').choices(['F16', 'F32']).default('F32'))
    .option('--licence <text>', 'licence of the weights, an SPDX identifier or what the source says', 'none stated')
    .option('--title <text>', 'one line for people')
    .option('--description <text>', 'more for people')
    .option('--source <text>', 'where the weights come from')
    .option('--overwrite', 'replace a package of that name')
    .action(action<ImportCommandOptions & GlobalOptions>(importOne));
  examples(command, [
    [
      'a recogniser of 20 evenly spaced frames, BGR bytes from 0 to 1, in TensorFlow.js layers format',
      'neuroreel models import lrcn/model.json --name lrcn --labels labels.json --order bgr --scale 1/255 --sequence spread:20',
    ],
    [
      'windows of 16 frames, one every 8, channels minus their means',
      'neuroreel models import m/model.json --name m --order bgr --mean 104,117,123 --sequence windows:16:8',
    ],
  ]);
}

/** `spread:20`, `windows:16:8`, `whole` */
function sequenceRule(text: string): SequenceRule {
  const frames = whole(1, 4096);
  const [rule, length, stride, ...rest] = text.split(':');
  if (rule === 'whole' && length === undefined) return { rule };
  if (rule === 'spread' && length !== undefined && stride === undefined) return { rule, length: frames(length) };
  if (rule === 'windows' && length !== undefined && stride !== undefined && rest.length === 0) {
    return { rule, length: frames(length), stride: frames(stride) };
  }
  throw new InvalidArgumentError('It must be spread:N, windows:N:STRIDE or whole.');
}

/** `80x60` -> [height, width] */
function frameSize(text: string): [number, number] {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (width === undefined || height === undefined) throw new InvalidArgumentError('It must be like 80x60.');
  const side = whole(1, 4096);
  return [side(height), side(width)];
}

async function listOrShow(out: Output, options: ModelsOptions, name?: string): Promise<void> {
  const registry = openRegistry(options.models);
  if (name !== undefined) {
    show(out, registry.load(name));
    return;
  }
  const models = registry.list();
  const problems = registry.problems().map((problem) => ({
    name: problem.name,
    folder: registry.directory(problem.name),
    error: asNeuroreelError(problem.error).toJSON(),
  }));
  for (const { name: broken, error } of problems) out.note(`Model ${broken} cannot be used: ${error.message}`);
  const { folders } = registry;
  const none = `No models are installed. Folders looked in:\n${folders.map((folder) => `  ${folder}`).join('\n')}`;
  const listed = models.map((model) => ({ ...model, folder: registry.directory(model.name) }));
  out.result({ models: listed, problems, folders }, models.length === 0 ? none : table(models));
}

function table(models: readonly ModelSummary[]): string {
  const rows = models.map(({ name, kind, labels, input, licence, title }) => {
    const units = kind === 'prior' ? '-' : String(labels.length);
    return [name, kind, units, `${input.width}x${input.height}`, licence, title];
  });
  return columns([['NAME', 'KIND', 'UNITS', 'FRAME', 'LICENCE', 'TITLE'], ...rows]);
}

function show(out: Output, { manifest, directory, sha256, weights, graphs }: ModelPackage): void {
  const numbers = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  const network = { weights: numbers, graphs: Object.keys(graphs) };
  out.result({ manifest, sha256, folder: directory, ...network }, words(manifest, sha256, directory, numbers));
}

function words(manifest: ModelManifest, sha256: string, directory: string, numbers: number): string {
  const { name, kind, title, description, licence, source, quality, files } = manifest;
  const own =
    manifest.kind === 'prior'
      ? ([
          ['pictures', pixelWords(manifest.output)],
          ['code', `${manifest.code.size} numbers: ${manifest.code.layer}`],
        ] as const)
      : ([
          [manifest.kind === 'recogniser' ? 'frames' : 'pictures', pixelWords(manifest.input)],
          ...(manifest.kind === 'recogniser' ? sequenceFacts(manifest) : []),
          ['defaults', manifest.defaults],
        ] as const);
  const sections = [
    facts([
      ...([
        ['name', name],
        ['kind', kind],
        ['title', title],
        ['about', description],
      ] as const),
      ...([
        ['licence', licence],
        ['source', source],
        ['folder', directory],
        ['weights', `${numbers} numbers`],
      ] as const),
      ...own,
      ['sha256', sha256],
      ...Object.values(files).map((file) => [`  ${file.path}`, file.sha256] as const),
    ]),
    Object.keys(quality).length === 0 ? '' : `quality, as measured\n${facts(indented(Object.entries(quality)))}`,
    manifest.kind === 'prior' ? '' : `units\n${columns(manifest.labels.map((label, unit) => [`  ${unit}`, label]))}`,
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function sequenceFacts({ sequence, clips, partners }: RecogniserManifest): (readonly [string, unknown])[] {
  return [
    ['sequence', sequence],
    ['clips', clips],
    ['reversed', Object.entries(partners).map(([label, partner]) => `${label} -> ${partner}`)],
  ];
}

function indented(entries: readonly (readonly [string, unknown])[]): (readonly [string, unknown])[] {
  return entries.map(([name, value]) => [`  ${name}`, value]);
}

function pixelWords({
  width,
  height,
  order,
  mean,
  scale,
}: Extract<ModelManifest, { kind: 'prior' }>['output']): string {
  const one = (numbers: readonly number[]): string =>
    numbers.every((x) => x === numbers[0]) ? String(numbers[0]) : `(${numbers.join(', ')})`;
  return `${width}x${height} ${order}, (byte - ${one(mean)}) * ${one(scale.map((x) => Number(x.toPrecision(6))))}`;
}

async function importOne(out: Output, options: ImportCommandOptions, path?: string): Promise<void> {
  const { json: _, quiet: __, out: folder = importFolder(), ...facts } = options;
  const { directory } = await importModel({ ...facts, path: resolve(path!), out: resolve(folder) });
  out.note(`Imported to ${directory}.`);
  show(out, readPackage(directory));
}
