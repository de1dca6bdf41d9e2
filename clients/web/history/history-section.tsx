/** All jobs, newest first: filtered, with pictures of what they made, page after page as one goes down. */
import './history.css';
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useCallback, useEffect, useRef } from 'preact/hooks';
import type { Job } from '../../../src/protocol/jobs.js';
import { MOST_ITEMS } from '../compare/items.js';
import { go, linkTo, type Route } from '../app/router.js';
import { jobs } from '../shared/job-list.js';
import { Empty, Notice } from '../shared/notice.js';
import { FilterForm } from './filter-form.js';
import { filtersOf, queryOf } from './filters.js';
import { Row } from './row.js';
import { useHistory, type History } from './use-history.js';

/** Loads the next page when the end of the list comes near; it is a button, too. */
function More({ history }: { readonly history: History }): JSX.Element | null {
  const end = useRef<HTMLButtonElement>(null);
  const more = history.more.value;
  const count = history.list.value?.length;
  useEffect(() => {
    if (end.current === null) return undefined;
    const near = new IntersectionObserver(([entry]) => entry?.isIntersecting === true && void history.load(), {
      rootMargin: '600px',
    });
    near.observe(end.current);
    return () => near.disconnect();
  }, [history, more, count]);
  if (!more) return null;
  return (
    <p class="more">
      <button ref={end} type="button" disabled={history.loading.value} onClick={() => history.load()}>
        {history.loading.value ? 'Loading' : 'Show more'}
      </button>
    </p>
  );
}

function Nothing({ filtered }: { readonly filtered: boolean }): JSX.Element {
  return (
    <Empty>
      <p>{filtered ? 'No job is like that.' : 'No jobs yet.'}</p>
      <p>
        {filtered ? (
          <a class="button" href={linkTo('history')}>
            Show all jobs
          </a>
        ) : (
          <a class="button primary" href={linkTo('start')}>
            Start a job
          </a>
        )}
      </p>
    </Empty>
  );
}

interface RowsProps {
  readonly history: History;
  readonly list: readonly Job[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (id: string) => void;
}

function Rows({ history, list, chosen, onChoose }: RowsProps): JSX.Element {
  const changed = useCallback(
    (job: Job) => {
      history.put(job);
      void jobs.refresh();
    },
    [history],
  );
  const removed = useCallback(
    (id: string) => {
      history.remove(id);
      void jobs.refresh();
    },
    [history],
  );
  return (
    <ul class="rows" aria-label="Jobs">
      {list.map((job) => (
        <Row
          key={job.id}
          job={job}
          chosen={chosen.has(job.id)}
          onChoose={onChoose}
          onChanged={changed}
          onRemoved={removed}
        />
      ))}
    </ul>
  );
}

function Chosen({ ids, onNone }: { readonly ids: readonly string[]; readonly onNone: () => void }): JSX.Element | null {
  if (ids.length === 0) return null;
  const few = ids.length > MOST_ITEMS ? ` (the first ${MOST_ITEMS})` : '';
  return (
    <div class="chosen actions" role="group" aria-label="Chosen jobs">
      <a class="button primary" href={linkTo('compare', ids.slice(0, MOST_ITEMS))}>
        Compare {ids.length}
        {few}
      </a>
      <button type="button" onClick={onNone}>
        Choose none
      </button>
    </div>
  );
}

export function HistorySection({ route }: { readonly route: Route }): JSX.Element {
  const filters = filtersOf(route.query);
  const history = useHistory(filters);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const choose = useCallback((id: string) => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  }, []);
  const list = history.list.value;
  const failure = history.failure.value;
  const filtered = Object.keys(queryOf(filters)).length > 0;
  return (
    <section class="card history" aria-labelledby="history-title">
      <h1 id="history-title" tabIndex={-1}>
        History
      </h1>
      <FilterForm filters={filters} onFilters={(next) => go(linkTo('history', [], queryOf(next)), { replace: true })} />
      {failure !== null && <Notice error={failure} />}
      {list === null && failure === null && <p class="quiet">Loading</p>}
      {list?.length === 0 && <Nothing filtered={filtered} />}
      {list !== null && list.length > 0 && (
        <>
          <p class="quiet" role="status">
            {list.length}
            {history.more.value ? ' or more' : ''} {list.length === 1 ? 'job' : 'jobs'}
          </p>
          <Rows {...{ history, list, chosen: chosen.value, onChoose: choose }} />
          <More history={history} />
        </>
      )}
      <Chosen ids={[...chosen.value]} onNone={() => (chosen.value = new Set())} />
    </section>
  );
}
