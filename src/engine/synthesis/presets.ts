/** Presets and settings, as the engine knows them: they are data of the protocol (`src/protocol/presets.ts`). */
import type { SynthesisOptimiser, SynthesisSettings } from '../../protocol/synthesis.js';

export {
  PRESETS,
  PRESET_NAMES,
  presetSettings,
  VARIANTS,
  type Preset,
  type PresetName,
} from '../../protocol/presets.js';

/** Complete settings of a run. */
export type Settings = SynthesisSettings;

/** Settings with one of the rules. */
export type SettingsOf<R extends SynthesisOptimiser['rule']> = SynthesisSettings & {
  readonly optimiser: Extract<SynthesisOptimiser, { rule: R }>;
};
export type PaperSettings = SettingsOf<'paper'>;
export type AdamSettings = SettingsOf<'adam'>;
export type PpgnSettings = SettingsOf<'ppgn'>;
