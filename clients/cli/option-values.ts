/** How the texts of options become values. What a text may not be is said by commander, with the option's name. */
import { InvalidArgumentError } from 'commander';
import {
  memorySize,
  NeuroreelError,
  parseWith,
  synthesisOverrides,
  type SynthesisOverrides,
} from '../../src/protocol/index.js';

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

/** A number above 0, up to a bound. */
export function positive(most: number): (text: string) => number {
  return (text) => {
    const value = number(text);
    if (value > 0 && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number above 0, at most ${most}.`);
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

/** `3,4` -> [row, column] */
export function position(text: string): [number, number] {
  const [, row, column] = /^(\d+),(\d+)$/.exec(text) ?? [];
  if (row === undefined || column === undefined) throw new InvalidArgumentError('It must be like 3,4.');
  return [Number(row), Number(column)];
}

/** For options that may be given more than once. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Names with commas or blanks between them; the option may be given more than once. */
export function names(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(/[\s,]+/).filter(Boolean)];
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

/** A size as the schema has it; commander shows what is wrong. */
export function size(text: string): string {
  const { success, error } = memorySize.safeParse(text);
  if (success) return text;
  throw new InvalidArgumentError(error.issues[0]!.message);
}

/** What replaces settings of the preset, from JSON. @throws {NeuroreelError} REQUEST_INVALID */
export function settings(text: string): SynthesisOverrides {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new NeuroreelError('REQUEST_INVALID', `--settings is no JSON: ${(cause as Error).message}.`, { cause });
  }
  return parseWith(synthesisOverrides, json);
}

/** Settings of a run that starts from a picture, unless they say from what. */
export const fromPicture = (settings: SynthesisOverrides = {}): SynthesisOverrides =>
  settings.start ? settings : { ...settings, start: { from: 'picture' } };
