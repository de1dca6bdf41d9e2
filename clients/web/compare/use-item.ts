/** An item as it can be shown: its video, its names, its numbers. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { UnitExamples } from '../../../src/protocol/models.js';
import type { JobWithHistory } from '../../../src/protocol/jobs.js';
import type { VideoReport } from '../../../src/protocol/report.js';
import { call } from '../shared/api.js';
import { failureOf, reportFailure, type Failure } from '../shared/trouble.js';
import { nameOfJob, sentenceCase, short, unitLabel } from '../shared/words.js';
import { exampleFile, examplesPath } from '../models/use-examples.js';
import type { Item } from './items.js';

export interface Shown {
  readonly title: string;
  readonly subtitle: string;
  /** The video's address at the server. */
  readonly url: string;
  /** Seconds of a frame; null where that is not known. */
  readonly frame: number | null;
  /** Names and values. */
  readonly facts: readonly (readonly [string, string])[];
  /** Whose unit it is about. */
  readonly unit: { readonly model: string; readonly index: number } | null;
}

async function jobShown(id: string): Promise<Shown> {
  const job = await call<JobWithHistory>('GET', `v1/jobs/${encodeURIComponent(id)}`);
  const { request, run, state } = job;
  if (request.kind !== 'video') throw new Unfit(`${nameOfJob(job)} is no video`, 'Choose jobs that made a video.');
  if (state !== 'succeeded')
    throw new Unfit(`${nameOfJob(job)} is not finished`, 'Watch it, and compare it when it is.');
  const file = (name: string): string => `v1/jobs/${id}/artifacts/${name}`;
  const report = await call<VideoReport>('GET', file('report.json')).catch(() => null);
  const probability = report?.finalProbability ?? null;
  const unit = run !== null && 'unit' in run ? run.unit.index : null;
  return {
    title: nameOfJob(job),
    subtitle: `preferred video · ${request.model} · seed ${request.seed}`,
    url: file('video.mp4'),
    frame: 1 / request.fps,
    facts: [
      ['Activation', report === null ? '–' : short(report.finalActivation)],
      ['Probability', probability === null ? '–' : short(probability)],
      ['Frames', String(request.frames)],
    ],
    unit: unit === null || request.layer !== undefined ? null : { model: request.model, index: unit },
  };
}

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
    frame: null,
    facts: [
      ['Activation', example === undefined ? '–' : short(example.activation)],
      ['Rank', place < 0 ? 'below 100' : `${place + 1} of ${known.scored}`],
      ['Unit', unitLabel(model, unit)],
    ],
    unit: { model, index: unit },
  };
}

/** An item that cannot be compared: in the page's own words. */
class Unfit extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(`${message}.`);
  }
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
