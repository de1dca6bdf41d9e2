/** Settings of a preset with what a request replaces: parts are laid over those of the preset, and the whole is checked. */
import { NeuroreelError } from '../../protocol/errors.js';
import { synthesisOverrides, synthesisSettings, type SynthesisOverrides } from '../../protocol/synthesis.js';
import { parseWith } from '../../protocol/validation.js';
import { PRESET_NAMES, PRESETS, presetSettings, VARIANTS, type Settings } from './presets.js';

/** The field that tells a part's variant. */
const PARTS = { objective: 'kind', sequence: 'form', optimiser: 'rule', bounds: 'kind', start: 'from' } as const;

type Part = Readonly<Record<string, unknown>>;

function laidOver(part: keyof typeof PARTS, own: Part, preset: Part): Part {
  const tells = PARTS[part];
  const name = own[tells] as string;
  const variants = VARIANTS[part] as unknown as Readonly<Record<string, Part>>;
  const base = preset[tells] === name ? preset : Object.hasOwn(variants, name) ? variants[name] : {};
  return { ...base, ...own };
}

/** Lays overrides over settings. @throws NeuroreelError REQUEST_INVALID where they do not make complete settings. */
export function withOverrides(settings: Settings, given: SynthesisOverrides = {}): Settings {
  const overrides = parseWith(synthesisOverrides, given);
  const merged: Record<string, unknown> = { ...settings };
  for (const [name, value] of Object.entries(overrides) as [keyof Settings, unknown][]) {
    if (value === undefined) continue;
    const before = settings[name] as unknown as Part;
    if (name in PARTS) merged[name] = laidOver(name as keyof typeof PARTS, value as Part, before);
    else merged[name] = typeof value === 'object' ? { ...before, ...value } : value;
  }
  return parseWith(synthesisSettings, merged);
}

/**
 * Complete settings of a run.
 * @param generator whether codes are those of a generator
 * @param pictures whether each frame is a picture of its own
 * @throws NeuroreelError REQUEST_INVALID for a preset that there is not, and for settings that do not fit.
 */
export function completeSettings(
  {
    preset,
    settings,
    iterations,
  }: {
    readonly preset: string;
    readonly settings?: SynthesisOverrides | undefined;
    readonly iterations?: number | undefined;
  },
  generator: boolean,
  pictures: boolean,
): Settings {
  if (!Object.hasOwn(PRESETS, preset)) {
    const message = `No preset is named ${JSON.stringify(preset)}; there are: ${PRESET_NAMES.join(', ')}.`;
    throw new NeuroreelError('REQUEST_INVALID', message);
  }
  const chosen: Settings = presetSettings(PRESETS[preset as keyof typeof PRESETS], { generator, pictures });
  // Pictures that have nothing to do with each other are each normalised by themselves, unless a request says otherwise.
  const alone: Settings =
    pictures && chosen.optimiser.rule === 'paper'
      ? { ...chosen, optimiser: { ...chosen.optimiser, normalise: 'each' } }
      : chosen;
  return withOverrides(alone, { ...settings, ...(iterations !== undefined && { iterations }) });
}
