/** Finished videos, images and figures, and real clips, side by side; what moves is on one clock. */
import './compare.css';
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { go, linkTo, type Route } from '../app/router.js';
import { Empty } from '../shared/notice.js';
import { ClipChoices, JobChoices } from './choices.js';
import { Clock } from './clock.js';
import { ClockBar } from './clock-bar.js';
import { itemsOf } from './items.js';
import { Tile } from './tile.js';
import type { Shown } from './shown.js';

/** Keys of the whole section, where they mean nothing else. */
function useKeys(clock: Clock): void {
  useEffect(() => {
    const KEYS: Readonly<Record<string, () => void>> = {
      ' ': () => clock.toggle(),
      ArrowLeft: () => clock.step(-1),
      ArrowRight: () => clock.step(1),
      Home: () => clock.seek(0),
    };
    const pressed = (event: KeyboardEvent): void => {
      const action = KEYS[event.key];
      const target = event.target as Element;
      if (action === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      if (target.closest('input, select, textarea, button, a, [role="region"], dialog') !== null) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [clock]);
}

function Nothing(): JSX.Element {
  return (
    <section class="card">
      <Empty>
        <p>Choose two or more finished videos, and they play in step; images and figures can be put beside them.</p>
        <p>With one chosen, the real clips that excite its unit most can be put beside it.</p>
      </Empty>
    </section>
  );
}

export function CompareSection({ route }: { readonly route: Route }): JSX.Element {
  const clock = useMemo(() => new Clock(), []);
  useEffect(() => clock.open(), [clock]);
  useKeys(clock);
  const shown = useSignal<ReadonlyMap<string, Shown>>(new Map());
  const items = itemsOf(route.parts);
  const parts = items.map(({ part }) => part);
  const show = (next: readonly string[]): void => go(linkTo('compare', next), { replace: true });
  const toggle = (part: string): void =>
    show(parts.includes(part) ? parts.filter((one) => one !== part) : [...parts, part]);
  // What is not known yet may move.
  const moves = parts.some((part) => shown.value.get(part)?.still !== true);
  const unit = parts.map((part) => shown.value.get(part)?.unit).find((one) => one != null);
  return (
    <div class="compare">
      <div class="compare-main">
        <div class="compare-title">
          <h1 tabIndex={-1}>Compare</h1>
          <p class="quiet">Space plays and holds, arrows step by a frame.</p>
        </div>
        {items.length === 0 ? (
          <Nothing />
        ) : (
          <>
            <div class="compare-tiles">
              {items.map((item) => (
                <Tile
                  key={item.part}
                  {...{ item, clock }}
                  onClose={() => toggle(item.part)}
                  onShown={(part, what) => (shown.value = new Map(shown.value).set(part, what))}
                />
              ))}
            </div>
            {moves && <ClockBar clock={clock} />}
          </>
        )}
      </div>
      <aside class="compare-choices" aria-label="What is compared">
        <JobChoices parts={parts} onToggle={toggle} />
        {unit !== undefined && unit !== null && <ClipChoices unit={unit} parts={parts} onToggle={toggle} />}
      </aside>
    </div>
  );
}
