/** An item as it can be shown: its video, its names, its numbers. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { UnitExamples } from '../../../src/protocol/models.js';
import { call } from '../shared/api.js';
import { failureOf, reportFailure, type Failure } from '../shared/trouble.js';
import { sentenceCase, short, unitLabel } from '../shared/words.js';
import { exampleFile, examplesPath } from '../models/use-examples.js';
import type { Item } from './items.js';
import { jobShown } from './job-shown.js';
import { Unfit, type Shown } from './shown.js';

async function clipShown(item: Extract<Item, { kind: 'clip' }>): Promise<Shown> {
  const { model, clips, id, unit } = item;
  const query = new URLSearchParams({ unit: String(unit), limit: '100', ...(clips !== '' && { clips }) });
  const known = await call<UnitExamples>('GET', `${examplesPath(model)}?${query.toString()}`);
  const place = known.examples.findIndex((example) => example.id === id);
  const example = known.examples[place];
  return {
    title: example === undefined ? 'Real clip' : sentenceCase(example.label ?? example.name),
    subtitle: `real clip${example === undefined ? '' : ` · ${example.name}`}`,
    url: exampleFile(model, clips, id, 'clip.mp4'),
    ...{ still: false, frame: null },
    facts: [
      ['Activation', example === undefined ? '–' : short(example.activation)],
      ['Rank', place < 0 ? 'below 100' : `${place + 1} of ${known.scored}`],
      ['Unit', unitLabel(model, unit)],
    ],
    unit: { model, index: unit },
  };
}

/** What an item shows; asked for once, since what has ended does not change. */
export function useItem(item: Item): { shown: Shown | null; failure: Failure | null } {
  const shown = useSignal<Shown | null>(null);
  const failure = useSignal<Failure | null>(null);
  useEffect(() => {
    let wanted = true;
    const asked = item.kind === 'job' ? jobShown(item.id) : clipShown(item);
    asked.then(
      (found) => void (wanted && (shown.value = found)),
      (error: unknown) => {
        if (!wanted) return;
        failure.value = error instanceof Unfit ? error : failureOf(error);
        reportFailure(error, { shownInPlace: true });
      },
    );
    return () => void (wanted = false);
  }, [item.part]);
  return { shown: shown.value, failure: failure.value };
}
