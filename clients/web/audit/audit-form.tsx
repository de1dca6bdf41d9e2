/** The form that starts an audit. */
import { useSignal, type Signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Job } from '../../../src/protocol/jobs.js';
import { go, linkTo } from '../app/router.js';
import { call } from '../shared/api.js';
import { useClipSets } from '../shared/clip-sets.js';
import { NumberField, SelectField } from '../shared/fields.js';
import { jobs } from '../shared/job-list.js';
import { firstOf, models, recognisers } from '../shared/models.js';
import { FormError, useSubmit } from '../shared/submit.js';

/** Recognisers that one can be compared with; as many as the server takes. */
const MOST_COMPARED = 8;

/** What is asked for besides models and clips: numbers as texts, in the units that people read. */
const NUMBERS = {
  permutations: {
    label: 'Orders of each clip',
    value: '20',
    min: 1,
    max: 100_000,
    hint: 'Random orders; more make narrower intervals.',
  },
  delta: {
    label: 'Delta, %',
    value: '5',
    min: 0.1,
    max: 99,
    step: 'any',
    hint: 'From which excess on a difference matters.',
  },
  crops: {
    label: 'Crops for the noise floor',
    value: '4',
    min: 1,
    max: 24,
    hint: 'How often answers change by themselves.',
  },
  frames: { label: 'Frames of a clip at most', value: '2048', min: 2, max: 1_000_000, hint: undefined },
  seed: { label: 'Seed', value: '1', min: 0, max: 0xffff_ffff, hint: 'The same seed gives the same report.' },
} as const;

type Field = keyof typeof NUMBERS;
const MAIN: readonly Field[] = ['permutations', 'delta'];
const ADVANCED: readonly Field[] = ['crops', 'frames', 'seed'];

type Values = Readonly<Record<Field, string>>;
const DEFAULTS = Object.fromEntries(Object.entries(NUMBERS).map(([name, { value }]) => [name, value])) as Values;

function Numbers({ of, values }: { readonly of: readonly Field[]; readonly values: Signal<Values> }): JSX.Element {
  return (
    <>
      {of.map((name) => {
        const { value: _, ...field } = NUMBERS[name];
        return (
          <NumberField
            key={name}
            {...field}
            required
            value={values.value[name]}
            onValue={(value) => (values.value = { ...values.value, [name]: value })}
          />
        );
      })}
    </>
  );
}

interface OthersProps {
  readonly names: readonly string[];
  readonly chosen: Signal<ReadonlySet<string>>;
}

/** The recognisers that it is compared with. */
function Others({ names, chosen }: OthersProps): JSX.Element | null {
  if (names.length === 0) return null;
  const toggle = (name: string): void => {
    const next = new Set(chosen.value);
    if (!next.delete(name)) next.add(name);
    chosen.value = next;
  };
  return (
    <fieldset class="others">
      <legend>Compared with, on the same clips and orders</legend>
      {names.map((name) => {
        const on = chosen.value.has(name);
        return (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={on}
              disabled={!on && chosen.value.size >= MOST_COMPARED}
              onChange={() => toggle(name)}
            />
            {name}
          </label>
        );
      })}
    </fieldset>
  );
}

function requestOf(model: string, compare: readonly string[], clips: string, values: Values): Record<string, unknown> {
  const { permutations, delta, crops, frames, seed } = values;
  return {
    kind: 'audit',
    model,
    ...(compare.length > 0 && { compare }),
    ...(clips !== '' && { clips }),
    permutations: Number(permutations),
    // Without the last digits of a division: 0.07, not 0.07000000000000001.
    delta: Number((Number(delta) / 100).toPrecision(10)),
    crops: Number(crops),
    frames: Number(frames),
    seed: Number(seed),
  };
}

export function AuditForm(): JSX.Element {
  const names = recognisers.value.map(({ name }) => name);
  const chosen = useSignal<string | null>(null);
  const compare = useSignal<ReadonlySet<string>>(new Set());
  const clips = useSignal('');
  const values = useSignal<Values>(DEFAULTS);
  const sets = useClipSets();
  const model = chosen.value ?? firstOf(recognisers.value)?.name ?? '';
  const others = names.filter((name) => name !== model);
  const { busy, error, onSubmit } = useSubmit(async () => {
    const compared = others.filter((name) => compare.value.has(name));
    const { id } = await call<Job>('POST', 'v1/jobs', requestOf(model, compared, clips.value, values.value));
    void jobs.refresh();
    go(linkTo('audit', [id]));
  });
  if (models.value !== null && names.length === 0) {
    return (
      <p class="quiet">The server has no recogniser. Import one, or name a folder of models with NEUROREEL_MODELS.</p>
    );
  }
  return (
    <form class="form" onSubmit={onSubmit}>
      <SelectField label="Recogniser" value={model} options={names} onValue={(value) => (chosen.value = value)} />
      <Others names={others} chosen={compare} />
      <SelectField
        id="audit-set"
        label="Clips"
        value={clips.value}
        options={[['', 'those that the model brings'] as const, ...sets]}
        onValue={(value) => (clips.value = value)}
      />
      <Numbers of={MAIN} values={values} />
      <details>
        <summary>More settings</summary>
        <div class="form">
          <Numbers of={ADVANCED} values={values} />
        </div>
      </details>
      <button type="submit" class="primary" disabled={busy || model === ''}>
        Audit
      </button>
      <FormError id="audit-error" error={error} />
    </form>
  );
}
