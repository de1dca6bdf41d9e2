/** `neuroreel models`: lists what is installed, shows one, tells the layers of one, imports one, pulls one. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { asNeuroreelError, NeuroreelError, type ModelSummary } from '../../../src/protocol/index.js';
import { action } from '../command.js';
import { columns } from '../format.js';
import { defineImport } from '../model-import.js';
import { definePull } from '../model-pull.js';
import { layersOf } from '../model-layers.js';
import { show } from '../model-words.js';
import { examples, modelFolderOption, type GlobalOptions } from '../options.js';
import { frameSize, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { openRegistry } from '../settings.js';

interface ModelsOptions extends GlobalOptions {
  readonly models?: string[];
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
    ['the networks of the paper that can be fetched', 'neuroreel models pull'],
  ]);
  defineInspect(command.command('inspect <model>'));
  defineImport(command.command('import <path>'));
  definePull(command.command('pull'));
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
