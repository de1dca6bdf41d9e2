/** Changes a job while it runs: step size, weights of penalties, unit; and lists what was changed. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import type { Steering } from '../../js/types.js';
import { client } from '../shared/api.js';
import { modelNamed } from '../shared/models.js';
import { loadSchemas, schemas } from '../shared/schemas.js';
import { FormError, useSubmit } from '../shared/submit.js';
import { reportFailure } from '../shared/trouble.js';
import type { WatchedJob } from '../shared/watched-job.js';
import { short, unitLabel } from '../shared/words.js';
import { UnitPicker } from '../start/unit-picker.js';
import { unitName } from '../start/draft.js';
import { Amount } from './amount.js';
import { settingsNow } from './settings.js';

/** Penalties that are offered first, by kind. */
const FIRST: Readonly<Record<string, readonly string[]>> = {
  video: ['smoothness', 'naturalness'],
  image: ['totalVariation', 'naturalness'],
};

const NAMES: Readonly<Record<string, string>> = { totalVariation: 'Total variation' };
const nameOf = (penalty: string): string => NAMES[penalty] ?? penalty.charAt(0).toUpperCase() + penalty.slice(1);

/** A change in words. */
function wordsOf({ rate, unit, penalties }: Steering, model: string): string {
  return [
    ...(rate === undefined ? [] : [`step size ${short(rate)}`]),
    ...Object.entries(penalties ?? {}).map(([name, weight]) => `${nameOf(name).toLowerCase()} ${short(weight)}`),
    ...(unit === undefined ? [] : [`unit ${unitLabel(model, unit)}`]),
  ].join(', ');
}

/** What was changed so far. */
export function Changes({ job }: { readonly job: Job }): JSX.Element | null {
  if (job.steering.length === 0 || !('model' in job.request)) return null;
  const model = job.request.model ?? '';
  return (
    <ul class="changes" aria-label="Changes while it ran">
      {job.steering.map(({ iteration, at, change }) => (
        <li key={at}>
          <span class="quiet">{iteration === null ? 'with the next step' : `from iteration ${iteration}`}</span>{' '}
          {wordsOf(change, model)}
        </li>
      ))}
    </ul>
  );
}

function useChange(job: Job) {
  const rate = useSignal<number | undefined>(undefined);
  const penalties = useSignal<Readonly<Record<string, number>>>({});
  const unit = useSignal<number | undefined>(undefined);
  const model = 'model' in job.request ? modelNamed(job.request.model ?? '') : undefined;
  const change: Steering = {
    ...(rate.value !== undefined && { rate: rate.value }),
    ...(Object.keys(penalties.value).length > 0 && { penalties: penalties.value }),
    ...(unit.value !== undefined && model !== undefined && { unit: unitName(model, unit.value) }),
  };
  const clear = (): void => {
    rate.value = undefined;
    penalties.value = {};
    unit.value = undefined;
  };
  return { rate, penalties, unit, model, change, clear };
}

/** Index of the unit that is maximised now. */
function unitNow({ run, steering }: Job, labels: readonly string[]): number | null {
  const unit = steering.flatMap(({ change }) => (change.unit === undefined ? [] : [change.unit])).at(-1);
  if (unit !== undefined) return typeof unit === 'number' ? unit : labels.indexOf(unit);
  return run !== null && 'unit' in run ? run.unit.index : null;
}

interface SteerProps {
  readonly watched: WatchedJob;
  readonly job: Job;
}

export function SteerForm({ watched, job }: SteerProps): JSX.Element | null {
  useEffect(() => void loadSchemas().catch(reportFailure), []);
  const { rate, penalties, unit, model, change, clear } = useChange(job);
  const { busy, error, onSubmit } = useSubmit(async () => {
    watched.adopt(await client.value.jobs.steer(job.id, change));
    clear();
  });
  if (schemas.value === null || model === undefined) return null;
  const now = settingsNow(job, schemas.value);
  const labelled = !('layer' in job.request) || job.request.layer === undefined;
  return (
    <details class="steer">
      <summary>Steer</summary>
      <form class="form" onSubmit={onSubmit}>
        <div class="amounts">
          <Amount label="Step size" now={now.rate} value={rate.value} onValue={(value) => (rate.value = value)} />
          {(FIRST[job.request.kind] ?? []).map((name) => (
            <Amount
              key={name}
              label={nameOf(name)}
              now={now.penalties[name]}
              value={penalties.value[name]}
              onValue={(value) => {
                const { [name]: _, ...rest } = penalties.value;
                penalties.value = value === undefined ? rest : { ...rest, [name]: value };
              }}
            />
          ))}
        </div>
        {labelled && (
          <UnitPicker
            label="Unit"
            labels={model.labels}
            chosen={unit.value ?? unitNow(job, model.labels)}
            onChoose={(index) => (unit.value = index)}
          />
        )}
        <button type="submit" disabled={busy || Object.keys(change).length === 0}>
          Apply from the next step
        </button>
        <FormError error={error} />
      </form>
    </details>
  );
}
