/** The models of the server: the list, and one of them in full. */
import './models.css';
import type { JSX } from 'preact';
import type { ModelSummary } from '../../../src/protocol/http.js';
import { linkTo, type Route } from '../app/router.js';
import { firstOf, models, recognisers } from '../shared/models.js';
import { Empty } from '../shared/notice.js';
import { ModelView } from './model-view.js';

const KINDS: readonly (readonly [ModelSummary['kind'], string])[] = [
  ['recogniser', 'Recognisers'],
  ['classifier', 'Classifiers'],
  ['prior', 'Priors'],
];

function Kind({
  title,
  of,
  shown,
}: {
  readonly title: string;
  readonly of: readonly ModelSummary[];
  readonly shown: string;
}): JSX.Element | null {
  if (of.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      <ul class="jobs">
        {of.map((model) => (
          <li key={model.name}>
            <a href={linkTo('models', [model.name])} aria-current={model.name === shown ? 'true' : undefined}>
              <span class="job-name">{model.name}</span>
              <span class="quiet number">{model.labels.length > 0 && `${model.labels.length} units`}</span>
              <span class="quiet model-line">{model.title}</span>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

function None(): JSX.Element {
  return (
    <Empty>
      <p>The server has no models.</p>
      <p class="quiet">
        <code>neuroreel models import --help</code> tells how to bring one; NEUROREEL_MODELS names folders of them.
      </p>
    </Empty>
  );
}

export function ModelsSection({ route }: { readonly route: Route }): JSX.Element {
  const list = models.value;
  const shown = route.parts[0] ?? firstOf(recognisers.value)?.name ?? list?.[0]?.name ?? '';
  return (
    <div class="models-section">
      <section class="card models-list" aria-labelledby="models-title">
        <h1 id="models-title" tabIndex={-1}>
          Models
        </h1>
        {list === null && <p class="quiet">Loading</p>}
        {list?.length === 0 && <None />}
        {KINDS.map(([kind, title]) => (
          <Kind key={kind} title={title} shown={shown} of={(list ?? []).filter((model) => model.kind === kind)} />
        ))}
      </section>
      {shown !== '' && list !== null && <ModelView key={shown} name={shown} route={route} />}
    </div>
  );
}
