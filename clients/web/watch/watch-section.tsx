/** Jobs as they run, one or several side by side: those that the address names, else the newest. */
import './watch.css';
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { go, linkTo, type Route } from '../app/router.js';
import { jobs } from '../shared/job-list.js';
import { Empty } from '../shared/notice.js';
import { hasEnded } from '../shared/words.js';
import { JobPanel } from './job-panel.js';
import { Picker } from './picker.js';

/** Id of the job that a page without one shows: the one that runs, else the newest; one that runs stays till its end. */
function useNewest(asked: boolean): string | null {
  const shown = useSignal<string | null>(null);
  const list = jobs.list.value;
  useEffect(() => {
    if (asked || list === null) return;
    const now = list.find(({ id }) => id === shown.value);
    if (now !== undefined && !hasEnded(now.state)) return;
    const active = list.find(({ state }) => !hasEnded(state) && state !== 'queued');
    shown.value = (active ?? list[0])?.id ?? null;
  }, [asked, list]);
  return shown.value;
}

function Nothing(): JSX.Element {
  return (
    <section class="card watch">
      <h1 tabIndex={-1}>Nothing made yet</h1>
      <Empty>
        <p>Choose a unit of a network, and watch what it prefers take shape.</p>
        <p>
          <a class="button primary" href={linkTo('start')}>
            Start a job
          </a>
        </p>
      </Empty>
    </section>
  );
}

export function WatchSection({ route }: { readonly route: Route }): JSX.Element {
  const asked = [...new Set(route.parts)];
  const newest = useNewest(asked.length > 0);
  const ids = asked.length > 0 ? asked : newest === null ? [] : [newest];
  const show = (wanted: readonly string[]): void => go(linkTo('watch', wanted));
  if (ids.length === 0 && jobs.list.value?.length === 0) return <Nothing />;
  return (
    <div class="watch-section">
      {ids.length > 1 && (
        <h1 class="visually-hidden" tabIndex={-1}>
          {ids.length} jobs side by side
        </h1>
      )}
      <div class={`panels ${ids.length > 1 ? 'several' : ''}`}>
        {ids.map((id) => (
          <JobPanel
            key={id}
            id={id}
            alone={ids.length === 1}
            onClose={ids.length === 1 ? undefined : () => show(ids.filter((other) => other !== id))}
          />
        ))}
        {ids.length === 0 && (
          <section class="card watch">
            <h1 tabIndex={-1}>Loading</h1>
          </section>
        )}
      </div>
      <Picker shown={ids} show={show} />
    </div>
  );
}
