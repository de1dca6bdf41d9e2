/** The settings of a job's synthesis as they are now: of the preset, of the request, and what was changed while it ran. */
import type { Job } from '../../../src/protocol/jobs.js';
import { usualSettings, type Fields, type Schemas } from '../shared/schemas.js';

/** The field of each rule that says how large its steps are. */
const RATE: Readonly<Record<string, string>> = { paper: 'start', adam: 'rate', ppgn: 'eps2' };

export interface SteeredSettings {
  /** Step size that the schedule begins with. */
  readonly rate: number | undefined;
  readonly penalties: Readonly<Record<string, number>>;
}

function rateOf(
  optimiser: Fields | undefined,
  preset: Fields | undefined,
  variants: Fields | undefined,
): number | undefined {
  const rule = String(optimiser?.['rule'] ?? preset?.['rule']);
  const field = RATE[rule] ?? '';
  const usual = rule === preset?.['rule'] ? preset : (variants?.[rule] as Fields | undefined);
  return (optimiser?.[field] ?? usual?.[field]) as number | undefined;
}

export function settingsNow({ request, steering }: Job, { presets, variants }: Schemas): SteeredSettings {
  const { preset, prior, settings } = request as { preset?: string; prior?: string; settings?: Fields };
  const entry = presets[preset ?? 'default'];
  const base = entry && usualSettings(entry, prior, request.kind === 'video');
  const begun: SteeredSettings = {
    rate: rateOf(settings?.['optimiser'] as Fields, base?.['optimiser'] as Fields, variants['optimiser']),
    penalties: {
      ...(base?.['penalties'] as Record<string, number>),
      ...(settings?.['penalties'] as Record<string, number>),
    },
  };
  return steering.reduce<SteeredSettings>(
    ({ rate, penalties }, { change }) => ({
      rate: change.rate ?? rate,
      penalties: { ...penalties, ...(change.penalties as Record<string, number> | undefined) },
    }),
    begun,
  );
}
