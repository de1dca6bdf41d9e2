/** The form that starts an audit. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import { go, linkTo } from '../app/router.js';
import { call } from '../shared/api.js';
import { NumberField, SelectField } from '../shared/fields.js';
import { jobs } from '../shared/job-list.js';
import { firstOf, models, recognisers } from '../shared/models.js';
import { FormError, useSubmit } from '../shared/submit.js';
import { reportFailure } from '../shared/trouble.js';

/** Names of the sets of clips of the server. */
function useClipSets(): readonly string[] {
  const sets = useSignal<readonly string[]>([]);
  const loaded = models.value !== null;
  useEffect(() => {
    if (!loaded) return;
    call<{ clips: string[] }>('GET', 'v1/clips').then(({ clips }) => (sets.value = clips), reportFailure);
  }, [loaded]);
  return sets.value;
}

export function AuditForm(): JSX.Element {
  const names = recognisers.value.map(({ name }) => name);
  const chosen = useSignal<string | null>(null);
  const compare = useSignal('');
  const clips = useSignal('');
  const orders = useSignal('20');
  const sets = useClipSets();
  const model = chosen.value ?? firstOf(recognisers.value)?.name ?? '';
  const { busy, error, onSubmit } = useSubmit(async () => {
    const { id } = await call<Job>('POST', 'v1/jobs', {
      kind: 'audit',
      model,
      permutations: Number(orders.value),
      ...(compare.value !== '' && compare.value !== model && { compare: [compare.value] }),
      ...(clips.value !== '' && { clips: clips.value }),
    });
    void jobs.refresh();
    go(linkTo('watch', [id]));
  });
  return (
    <form class="form" onSubmit={onSubmit}>
      <SelectField label="Recogniser" value={model} options={names} onValue={(value) => (chosen.value = value)} />
      <SelectField
        label="Compared with"
        value={compare.value}
        options={[['', 'nothing'] as const, ...names.filter((name) => name !== model)]}
        onValue={(value) => (compare.value = value)}
      />
      <SelectField
        id="audit-set"
        label="Clips"
        value={clips.value}
        options={[['', 'those that the model brings'] as const, ...sets]}
        onValue={(value) => (clips.value = value)}
      />
      <NumberField
        label="Orders of each clip"
        value={orders.value}
        min={1}
        max={100_000}
        required
        onValue={(value) => (orders.value = value)}
      />
      <button type="submit" class="primary" disabled={busy || model === ''}>
        Audit
      </button>
      <FormError id="audit-error" error={error} />
    </form>
  );
}
