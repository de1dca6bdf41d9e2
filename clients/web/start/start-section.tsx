/** Starts a job: what to look into, and how. */
import './start.css';
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { go, linkTo } from '../app/router.js';
import { call } from '../shared/api.js';
import { NumberField, SelectField } from '../shared/fields.js';
import { jobs } from '../shared/job-list.js';
import { defaultUnit, firstOf, modelNamed, recognisers } from '../shared/models.js';
import { FormError, useSubmit } from '../shared/submit.js';

export function StartSection(): JSX.Element {
  const names = recognisers.value.map(({ name }) => name);
  const chosen = useSignal<string | null>(null);
  const unit = useSignal<number | null>(null);
  const preset = useSignal('default');
  const seed = useSignal('1');
  const model = chosen.value === null ? firstOf(recognisers.value) : modelNamed(chosen.value);
  const wanted = unit.value ?? (model === undefined ? 0 : defaultUnit(model));
  const { busy, error, onSubmit } = useSubmit(async () => {
    const { id } = await call<Job>('POST', 'v1/jobs', {
      kind: 'video',
      model: model?.name,
      unit: wanted,
      preset: preset.value,
      seed: Number(seed.value),
    });
    void jobs.refresh();
    go(linkTo('watch', [id]));
  });
  return (
    <section class="card" aria-labelledby="start-title">
      <h1 id="start-title" tabIndex={-1}>
        New video
      </h1>
      <form class="form" onSubmit={onSubmit}>
        <SelectField
          label="Model"
          value={model?.name ?? ''}
          options={names}
          onValue={(value) => {
            chosen.value = value;
            unit.value = null;
          }}
        />
        <SelectField
          label="Unit"
          value={String(wanted)}
          options={(model?.labels ?? []).map((label, index) => [String(index), label] as const)}
          onValue={(value) => (unit.value = Number(value))}
        />
        <SelectField
          label="Preset"
          value={preset.value}
          options={['default', 'paper-2016']}
          onValue={(value) => (preset.value = value)}
        />
        <NumberField
          label="Seed"
          value={seed.value}
          min={0}
          max={4294967295}
          required
          onValue={(value) => (seed.value = value)}
        />
        <button type="submit" class="primary" disabled={busy || model === undefined}>
          Start
        </button>
        <FormError id="start-error" error={error} />
      </form>
    </section>
  );
}
