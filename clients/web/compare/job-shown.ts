/** What is shown of a finished job: one entry in the table below each kind. */
import type { Artifact, JobKind, JobRequest, JobWithHistory } from '../../../src/protocol/jobs.js';
import type { ImageReport, VideoReport } from '../../../src/protocol/report.js';
import { call } from '../shared/api.js';
import { nameOfJob, short } from '../shared/words.js';
import { Unfit, type Shown } from './shown.js';

interface Finished<R extends JobRequest> {
  readonly request: R;
  readonly run: JobWithHistory['run'];
  /** The address of a file of the job, where there is one. */
  readonly file: (name: string) => string | undefined;
}

type Of<K extends JobKind> = Finished<Extract<JobRequest, { kind: K }>>;
type Part = Omit<Shown, 'title' | 'url'> & { readonly url: string | undefined };

/** A report of a job; null where it cannot be had. */
const reportAt = <T>(url: string | undefined): Promise<T | null> =>
  url === undefined ? Promise.resolve(null) : call<T>('GET', url).catch(() => null);

const number = (value: number | null | undefined): string => (value == null ? '–' : short(value));

async function video({ request, run, file }: Of<'video'>): Promise<Part> {
  const report = await reportAt<VideoReport>(file('report.json'));
  const unit = run !== null && 'unit' in run ? run.unit.index : null;
  return {
    subtitle: `preferred video · ${request.model} · seed ${request.seed}`,
    ...{ url: file('video.mp4'), still: false, frame: 1 / request.fps },
    facts: [
      ['Activation', number(report?.finalActivation)],
      ['Probability', number(report?.finalProbability)],
      ['Frames', String(request.frames)],
    ],
    unit: unit === null || request.layer !== undefined ? null : { model: request.model, index: unit },
  };
}

async function image({ request, file }: Of<'image'>): Promise<Part> {
  const pictures = (await reportAt<ImageReport>(file('report.json')))?.pictures ?? [];
  const [first] = pictures;
  const best = Math.max(...pictures.map(({ activation }) => activation));
  const one = first !== undefined && pictures.length === 1;
  return {
    subtitle: `${one ? 'preferred image' : 'preferred images'} · ${request.model} · seed ${request.seed}`,
    ...{ url: one ? file(first.file) : file('montage.png'), still: true, frame: null },
    facts: one
      ? [
          ['Activation', number(first.activation)],
          ['Probability', number(first.probability)],
        ]
      : [
          ['Images', String(pictures.length)],
          ['Highest activation', pictures.length === 0 ? '–' : short(best)],
        ],
    unit: null,
  };
}

/** A figure that moves is its video. */
function figure({ request, run, file }: Of<'figure'>): Promise<Part> {
  const moving = file('figure.mp4');
  const panels = run !== null && 'panels' in run ? String(run.panels) : '–';
  return Promise.resolve({
    subtitle: `figure ${request.figure} · seed ${request.seed}`,
    ...{ url: moving ?? file('figure.png'), still: moving === undefined, frame: 1 / request.fps },
    ...{ facts: [['Panels', panels]], unit: null },
  });
}

const SHOWN: { readonly [K in JobKind]?: (job: Of<K>) => Promise<Part> } = { video, image, figure };

/** Kinds of jobs that can be compared. */
export const COMPARED = Object.keys(SHOWN);

/** @throws {Unfit} for a job that cannot be shown; {ClientError} */
export async function jobShown(id: string): Promise<Shown> {
  const path = `v1/jobs/${encodeURIComponent(id)}`;
  const job = await call<JobWithHistory>('GET', path);
  const { request, run, state } = job;
  const title = nameOfJob(job);
  const part = SHOWN[request.kind] as ((job: Finished<JobRequest>) => Promise<Part>) | undefined;
  if (part === undefined) throw new Unfit(`${title} is no picture`, 'Choose jobs that made videos or pictures.');
  if (state !== 'succeeded') throw new Unfit(`${title} is not finished`, 'Watch it, and compare it when it is.');
  const { artifacts } = await call<{ artifacts: Artifact[] }>('GET', `${path}/artifacts`);
  const file = (name: string): string | undefined => artifacts.find((artifact) => artifact.name === name)?.url;
  const shown = await part({ request, run, file });
  if (shown.url === undefined) throw new Unfit(`${title} left no picture`, 'Choose another job.');
  return { ...shown, title, url: shown.url };
}
