/** Options that several commands have, in groups: each command names the groups that it has, and adds its own. */
import { Option, type Command } from 'commander';
import { PREVIEW_CHOICES, type PreviewChoice } from './preview/choices.js';
import { PRESET_NAMES, type PresetName, type SynthesisOverrides } from '../../src/protocol/index.js';
import { collect, position, settings, size, whole } from './option-values.js';

/** What every command has; they are options of the program. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What a command has that looks for models. */
export interface ModelFolderOptions {
  readonly models?: string[];
}

/** What a command has that computes. */
export interface ComputeOptions extends ModelFolderOptions {
  readonly runtime?: string;
  readonly device?: string;
  readonly threads?: number;
  readonly memory?: string;
}

/** How something is synthesised; what is absent is as the schema of the request, the preset or the model says. */
export interface SynthesisOptions {
  readonly prior?: string;
  readonly preset?: PresetName;
  readonly settings?: SynthesisOverrides;
  readonly seed?: number;
  readonly iterations?: number;
}

/** Which unit of a hidden layer. */
export interface LayerOptions {
  readonly layer?: string;
  readonly position?: [number, number];
}

export const modelFolderOption = (): Option =>
  new Option(
    '--models <folder>',
    'a further folder of model packages (may be repeated; see also NEUROREEL_MODELS)',
  ).argParser(collect);

export const runtimeOption = (): Option =>
  new Option(
    '--runtime <name>',
    'what computes: auto, onnxruntime, tfjs, tfjs-tensorflow, tfjs-wasm, tfjs-cpu (NEUROREEL_RUNTIME)',
  );

export const deviceOption = (): Option =>
  new Option(
    '--device <name>',
    'where it computes: auto, cpu, webgpu, cuda (onnxruntime), tensorflow, wasm, cpu (tfjs) (NEUROREEL_DEVICE)',
  );

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads that compute (default: one a core)').argParser(whole(1, 1024));

export const memoryOption = (): Option =>
  new Option(
    '--memory <size>',
    'memory that computing may take: 4G, 800M, or a share of what is free (NEUROREEL_MEMORY; default 50%)',
  ).argParser(size);

const COMPUTE = {
  models: modelFolderOption,
  runtime: runtimeOption,
  device: deviceOption,
  threads: threadsOption,
  memory: memoryOption,
} as const satisfies Record<keyof ComputeOptions, () => Option>;

const SYNTHESIS = {
  prior: () => new Option('--prior <name>', 'what keeps it natural; `pixels` for nothing (default: as the model says)'),
  preset: () => new Option('--preset <name>', 'settings of the synthesis (default default)').choices(PRESET_NAMES),
  settings: () => new Option('--settings <json>', 'what replaces settings of the preset').argParser(settings),
  seed: () =>
    new Option('--seed <n>', 'seed of every random number; several starts count up from it (default 1)').argParser(
      whole(0, 0xffff_ffff),
    ),
  iterations: () =>
    new Option('--iterations <n>', 'iterations (default: as the preset says)').argParser(whole(1, 100_000)),
} as const satisfies Record<keyof SynthesisOptions, () => Option>;

function addGroup(
  command: Command,
  group: Readonly<Record<string, () => Option>>,
  without: readonly string[],
): Command {
  for (const [name, option] of Object.entries(group)) if (!without.includes(name)) command.addOption(option());
  return command;
}

/**
 * Adds where models are, what computes, and where.
 * @param without those of the group that the command has no use for
 */
export function computeOptions(command: Command, without: readonly (keyof ComputeOptions)[] = []): Command {
  return addGroup(command, COMPUTE, without);
}

/**
 * Adds what says how something is synthesised.
 * @param without those of the group that the command has no use for
 */
export function synthesisOptions(command: Command, without: readonly (keyof SynthesisOptions)[] = []): Command {
  return addGroup(command, SYNTHESIS, without);
}

/** Adds what chooses a unit of a hidden layer. */
export function layerOptions(command: Command): Command {
  return command
    .option('--layer <name>', 'a hidden layer, whose units are asked for by index')
    .option('--position <row,column>', 'where in a layer of maps (default: its middle)', position);
}

/** What a command has that makes something to be seen. */
export interface PreviewOptions {
  readonly preview: PreviewChoice;
}

export const previewOption = (): Option =>
  new Option('--preview <way>', 'how frames are shown on the terminal meanwhile; auto finds out what it can')
    .choices(PREVIEW_CHOICES)
    .default('auto');

/** Adds examples to a command's help. */
export function examples(command: Command, lines: readonly (readonly [does: string, line: string])[]): void {
  const text = lines.map(([does, line]) => `  ${line}\n      ${does}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${text}`);
}
