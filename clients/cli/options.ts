/** Options that several commands have, and how their texts become values. */
import { Option, InvalidArgumentError, type Command } from 'commander';
import { memorySize } from '../../src/protocol/index.js';

export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** A number; ranges are the business of the schema that takes it. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** A whole number within bounds. */
export function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = number(text);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
  };
}

/** A number or a fraction such as 1/255. */
function fraction(text: string): number {
  const [over, under, ...rest] = text.split('/').map(number);
  const value = under === undefined ? over! : over! / under;
  if (rest.length > 0 || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** One number for all channels, or three with commas between them. */
export function perChannel(text: string): number | [number, number, number] {
  const parts = text.split(',').map(fraction);
  if (parts.length === 1) return parts[0]!;
  if (parts.length === 3) return parts as [number, number, number];
  throw new InvalidArgumentError('It must be one number, or three with commas between them.');
}

/** `80x60` -> [height, width] */
export function frameSize(text: string): [number, number] {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (width === undefined || height === undefined) throw new InvalidArgumentError('It must be like 80x60.');
  const side = whole(1, 4096);
  return [side(height), side(width)];
}

/** For options that may be given more than once. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** `walk_left,3` -> ['walk_left', 3]: labels, or indices where there are only digits. */
export function unitList(text: string): (string | number)[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  if (parts.length === 0) throw new InvalidArgumentError('It must be labels or indices with commas between them.');
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
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

export const memoryOption = (): Option =>
  new Option(
    '--memory <size>',
    'memory that computing may take: 4G, 800M, or a share of what is free (NEUROREEL_MEMORY; default 50%)',
  ).argParser(size);

/** A size as the schema has it; commander shows what is wrong. */
function size(text: string): string {
  const { success, error } = memorySize.safeParse(text);
  if (success) return text;
  throw new InvalidArgumentError(error.issues[0]!.message);
}

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'threads that compute (default: one a core)').argParser(whole(1, 1024));

/** Adds examples to a command's help. */
export function examples(command: Command, lines: readonly (readonly [does: string, line: string])[]): void {
  const text = lines.map(([does, line]) => `  ${line}\n      ${does}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${text}`);
}
