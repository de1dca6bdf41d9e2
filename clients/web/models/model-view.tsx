/** One model: what it is, its units with real examples, its layers. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ModelDetails } from '../../../src/protocol/models.js';
import { go, linkTo, type Route } from '../app/router.js';
import { call } from '../shared/api.js';
import { useClipSets } from '../shared/clip-sets.js';
import { defaultUnit } from '../shared/models.js';
import { Notice } from '../shared/notice.js';
import { failureOf, reportFailure, type Failure } from '../shared/trouble.js';
import { sentenceCase } from '../shared/words.js';
import { unitName } from '../start/draft.js';
import { Examples } from './examples.js';
import { LayerTable } from './layer-table.js';
import { ModelFacts } from './model-facts.js';
import { UnitPicker } from './unit-picker.js';

/** What the server tells of a model. */
function useDetails(name: string): { model: ModelDetails | null; failure: Failure | null } {
  const model = useSignal<ModelDetails | null>(null);
  const failure = useSignal<Failure | null>(null);
  useEffect(() => {
    let wanted = true;
    failure.value = null;
    call<ModelDetails>('GET', `v1/models/${encodeURIComponent(name)}`).then(
      (found) => void (wanted && (model.value = found)),
      (error: unknown) => {
        if (!wanted) return;
        failure.value = failureOf(error);
        reportFailure(error, { shownInPlace: true });
      },
    );
    return () => void (wanted = false);
  }, [name]);
  return { model: model.value?.name === name ? model.value : null, failure: failure.value };
}

interface UnitsProps {
  readonly model: ModelDetails;
  readonly query: URLSearchParams;
}

/** Its units; which one, and out of what its examples are, is in the address. */
function Units({ model, query }: UnitsProps): JSX.Element {
  const sets = useClipSets();
  const asked = query.get('unit');
  const known = asked !== null && model.labels[Number(asked)] !== undefined;
  const unit = known ? Number(asked) : defaultUnit(model);
  const clips = query.get('clips') ?? '';
  const show = (change: { unit?: number; clips?: string }): void => {
    const next = { unit, clips, ...change };
    const address = { unit: String(next.unit), ...(next.clips !== '' && { clips: next.clips }) };
    go(linkTo('models', [model.name], address), { replace: true });
  };
  const start = linkTo('start', [], {
    kind: model.kind === 'classifier' ? 'image' : 'video',
    model: model.name,
    unit: String(unitName(model, unit)),
  });
  return (
    <div class="model-units">
      <UnitPicker labels={model.labels} unit={unit} onUnit={(chosen) => show({ unit: chosen })} />
      <div class="model-unit">
        <p class="model-unit-head">
          <strong>{sentenceCase(model.labels[unit] ?? '')}</strong> <span class="quiet">unit {unit}</span>
          <a class="button small" href={start}>
            What does it want to see?
          </a>
        </p>
        <Examples {...{ model, unit, clips, sets }} onClips={(chosen) => show({ clips: chosen })} />
      </div>
    </div>
  );
}

export function ModelView({ name, route }: { readonly name: string; readonly route: Route }): JSX.Element {
  const { model, failure } = useDetails(name);
  return (
    <article class="card model" aria-labelledby="model-title">
      <h2 id="model-title">{name}</h2>
      {failure !== null && <Notice error={failure} />}
      {model === null && failure === null && <p class="quiet">Loading</p>}
      {model !== null && (
        <>
          <p class="model-subtitle">{model.title}</p>
          <ModelFacts model={model} />
          {model.labels.length > 0 && <Units model={model} query={route.query} />}
          <LayerTable model={name} sha256={model.sha256} />
        </>
      )}
    </article>
  );
}
