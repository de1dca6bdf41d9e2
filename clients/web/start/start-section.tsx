/** Starts a job: what to look into, and how; and shows the request to whoever wants to make it elsewhere. */
import './start.css';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { go, linkTo, type Route } from '../app/router.js';
import { client } from '../shared/api.js';
import { SelectField } from '../shared/fields.js';
import { jobs } from '../shared/job-list.js';
import { models } from '../shared/models.js';
import { Empty } from '../shared/notice.js';
import { FormError, useSubmit } from '../shared/submit.js';
import { reportFailure } from '../shared/trouble.js';
import { chooseKind, chosenModel, fillFrom, kind, offered, request, setField, takes } from './draft.js';
import { KINDS } from './kinds.js';
import { AdvancedOptions, BasicOptions, LeadingOptions } from './options.js';
import { RequestView } from './request-view.js';
import { loadSchemas } from '../shared/schemas.js';
import { Units } from './units.js';

/** `#/start?from=ID` begins with the request of that job. */
function useEarlierRequest(from: string | null): void {
  useEffect(() => {
    if (from === null) return;
    client.value.jobs.get(from).then((job) => fillFrom(job.request), reportFailure);
  }, [from]);
}

/** `#/start?kind=video&model=NAME&unit=LABEL` begins with that unit; a unit of digits is an index. */
function useAskedUnit(query: URLSearchParams): void {
  const [name, model, unit] = ['kind', 'model', 'unit'].map((field) => query.get(field));
  useEffect(() => {
    const asked = KINDS.find((one) => one.kind === name);
    if (asked?.units === undefined || model == null || unit == null) return;
    const value = /^\d+$/.test(unit) ? Number(unit) : unit;
    fillFrom({ kind: asked.kind, model, [asked.units]: asked.units === 'unit' ? value : [value] });
  }, [name, model, unit]);
}

function KindChoice(): JSX.Element {
  return (
    <fieldset class="kinds">
      <legend class="visually-hidden">Kind</legend>
      {KINDS.map(({ kind: name, title }) => (
        <label key={name}>
          <input
            type="radio"
            name="kind"
            class="visually-hidden"
            checked={kind.value.kind === name}
            onChange={() => chooseKind(name)}
          />
          <span>{title}</span>
        </label>
      ))}
    </fieldset>
  );
}

function ModelChoice(): JSX.Element {
  const model = chosenModel.value;
  return (
    <SelectField
      label="Model"
      value={model?.name ?? ''}
      options={offered.value.map(({ name }) => name)}
      hint={model?.title}
      onValue={(name) => setField('model', name)}
    />
  );
}

function NoModel(): JSX.Element {
  return (
    <Empty>
      <p>No model is installed that this can be made with.</p>
      <p>
        <code>neuroreel models import --help</code> tells how to bring one.
      </p>
    </Empty>
  );
}

function Form(): JSX.Element {
  const model = chosenModel.value;
  const { busy, error, onSubmit } = useSubmit(async () => {
    if (request.value === null) return;
    const { id } = await client.value.jobs.submit(request.value);
    void jobs.refresh();
    go(linkTo('watch', [id]));
  });
  if (models.value === null) return <p class="quiet">Loading</p>;
  if (model === undefined && takes('model')) return <NoModel />;
  return (
    <form class="form" onSubmit={onSubmit}>
      <LeadingOptions />
      {model !== undefined && (
        <>
          <ModelChoice />
          <Units key={`${model.name} ${kind.value.kind}`} model={model} />
        </>
      )}
      <BasicOptions />
      <AdvancedOptions />
      <div class="send">
        <button type="submit" class="primary" disabled={busy}>
          Start
        </button>
        <FormError id="start-error" error={error} />
      </div>
    </form>
  );
}

export function StartSection({ route }: { readonly route: Route }): JSX.Element {
  useEarlierRequest(route.query.get('from'));
  useAskedUnit(route.query);
  useEffect(() => void loadSchemas().catch(reportFailure), []);
  return (
    <div class="start-section">
      <section class="card" aria-labelledby="start-title">
        <h1 id="start-title" tabIndex={-1}>
          What does this unit want to see?
        </h1>
        <KindChoice />
        <p class="quiet about">{kind.value.about}</p>
        <Form />
      </section>
      {request.value !== null && <RequestView request={request.value} />}
    </div>
  );
}
