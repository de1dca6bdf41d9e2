/** Fields whose values are names of what the server has: to be chosen, not typed. One entry in the table below each. */
import { useSignal } from '@preact/signals';
import type { FunctionComponent, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ModelLayers } from '../../../src/protocol/models.js';
import { WITHOUT_GENERATOR } from '../../../src/protocol/priors.js';
import { call } from '../shared/api.js';
import { useClipSets } from '../shared/clip-sets.js';
import { SelectField } from '../shared/fields.js';
import { Labelled } from '../shared/labelled.js';
import { models } from '../shared/models.js';
import { schemas } from '../shared/schemas.js';
import { reportFailure } from '../shared/trouble.js';
import { useJobs } from '../shared/use-jobs.js';
import { moment, nameOfJob } from '../shared/words.js';
import { chosenModel, form } from './draft.js';
import { figureNamed } from './figure.js';
import { words, type SchemaFieldProps } from './schema-field.js';

type Choice = readonly [name: string, text: string];

interface Source {
  /** What there is; a hook. */
  readonly use: () => readonly Choice[];
  /** Why there may be nothing. */
  readonly none?: string;
}

const plain = (names: readonly string[]): Choice[] => names.map((name) => [name, name]);
const modelsOf = (kinds: readonly string[]): string[] =>
  (models.value ?? []).flatMap(({ name, kind }) => (kinds.includes(kind) ? [name] : []));

/** Priors, and the words for none. */
const PRIORS: Source = { use: () => plain([...modelsOf(['prior']), ...WITHOUT_GENERATOR]) };

const CLIP_SETS: Source = {
  use: () => plain(useClipSets()),
  none: 'The server has no sets: NEUROREEL_CLIPS names folders whose folders are sets.',
};

/** Recognisers besides the one that is chosen. */
const OTHERS: Source = {
  use: () => plain(modelsOf(['recogniser']).filter((name) => name !== chosenModel.value?.name)),
  none: 'The server has no other recogniser.',
};

const CHECKPOINTS: Source = { use: () => plain(modelsOf([chosenModel.value?.kind ?? ''])) };

/** Layers whose units can be shown; reading a large model takes a while the first time. */
const LAYERS: Source = {
  use() {
    const name = chosenModel.value?.name;
    const found = useSignal<readonly Choice[]>([]);
    useEffect(() => {
      if (name === undefined) return undefined;
      let wanted = true;
      found.value = [];
      call<ModelLayers>('GET', `v1/models/${encodeURIComponent(name)}/layers`).then(({ graphs }) => {
        const layers = graphs.flatMap((graph) => graph.layers);
        if (wanted) found.value = plain(layers.flatMap((one) => ([2, 4].includes(one.shape.length) ? [one.name] : [])));
      }, reportFailure);
      return () => void (wanted = false);
    }, [name]);
    return found.value;
  },
};

const VIDEO_JOBS: Source = {
  use: () =>
    (useJobs('state=succeeded&kind=video&parent=any&limit=100') ?? []).map((job) => [
      job.id,
      `${nameOfJob(job)}, ${moment(job.createdAt)}`,
    ]),
  none: 'There are no finished videos yet.',
};

const FIGURES: Source = {
  use: () =>
    (schemas.value?.figures ?? []).map(({ name, also = [], describe }) => [
      name,
      `${[name, ...also].join(', ')}: ${describe.replaceAll('`', '')}`,
    ]),
};

const hintOf = (description: string | undefined, choices: readonly Choice[], { none }: Source): string =>
  [description, choices.length === 0 ? none : undefined].filter(Boolean).join(' ');

const isNeeded = (name: string): boolean => form.value.needs?.includes(name) ?? false;
const labelOf = (name: string): string => `${words(name)}${isNeeded(name) ? ' (needed)' : ''}`;
const nothingOf = (name: string): string => (isNeeded(name) ? 'choose' : 'as it comes');

const one = (source: Source): FunctionComponent<SchemaFieldProps> =>
  function OneName({ name, schema, value, onValue }): JSX.Element {
    const choices = source.use();
    const chosen = (value as string | undefined) ?? '';
    // What is not there any more is still what the request says.
    const unknown = chosen !== '' && !choices.some(([known]) => known === chosen);
    return (
      <SelectField
        label={labelOf(name)}
        hint={hintOf(schema.description, choices, source)}
        value={chosen}
        options={[['', nothingOf(name)], ...choices, ...(unknown ? [chosen] : [])]}
        onValue={(text) => onValue(text === '' ? undefined : text)}
      />
    );
  };

/** Names in order, each of which can be taken out. */
const several = (source: Source): FunctionComponent<SchemaFieldProps> =>
  function SeveralNames({ name, schema, value, onValue }): JSX.Element {
    const choices = source.use();
    const chosen = (value ?? []) as readonly string[];
    const textOf = (one: string): string => choices.find(([known]) => known === one)?.[1] ?? one;
    const left = choices.filter(([known]) => !chosen.includes(known));
    const change = (next: readonly string[]): void => onValue(next.length === 0 ? undefined : next);
    return (
      <Labelled
        label={labelOf(name)}
        hint={hintOf(schema.description, choices, source)}
        control={(ties) => (
          <select
            {...ties}
            value=""
            disabled={left.length === 0}
            onChange={({ currentTarget }) => {
              change([...chosen, currentTarget.value]);
              currentTarget.value = '';
            }}
          >
            <option value="">{chosen.length === 0 ? nothingOf(name) : 'add one more'}</option>
            {left.map(([known, text]) => (
              <option key={known} value={known}>
                {text}
              </option>
            ))}
          </select>
        )}
      >
        {chosen.length > 0 && (
          <ol class="chips" aria-label={labelOf(name)}>
            {chosen.map((known) => (
              <li key={known}>
                {textOf(known)}
                <button
                  type="button"
                  class="plain"
                  aria-label={`Leave ${textOf(known)} out`}
                  onClick={() => change(chosen.filter((other) => other !== known))}
                >
                  ×
                </button>
              </li>
            ))}
          </ol>
        )}
      </Labelled>
    );
  };

function FigureField({ value, onValue }: SchemaFieldProps): JSX.Element {
  const found = schemas.value && figureNamed(schemas.value, value);
  const also = found?.also?.join(' and ');
  return (
    <SelectField
      label="Figure"
      hint={also && `${also}: the same of other models.`}
      value={found?.name ?? ''}
      options={FIGURES.use()}
      onValue={onValue}
    />
  );
}

/** By the name of the field. */
export const NAMED: Readonly<Record<string, FunctionComponent<SchemaFieldProps>>> = {
  figure: FigureField,
  prior: one(PRIORS),
  priors: several(PRIORS),
  compare: several(OTHERS),
  checkpoints: several(CHECKPOINTS),
  layers: several(LAYERS),
  clips: one(CLIP_SETS),
  real: one(CLIP_SETS),
  jobs: several(VIDEO_JOBS),
};
