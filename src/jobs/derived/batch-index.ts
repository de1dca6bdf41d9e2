/** The index of a batch: each of its jobs with what it left, as one page. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { batchJobsHtml, type BatchPart } from '../../report/batch-jobs-html.js';
import {
  imageReport,
  MAX_LISTED,
  NeuroreelError,
  videoReport,
  type BatchJobRequest,
  type Job,
} from '../../protocol/index.js';
import { IMAGE_ARTIFACTS, VIDEO_ARTIFACTS } from '../artifacts.js';
import type { DerivedFiles } from './derived-files.js';
import { thumbnailOf, type JobFiles } from './thumbnails.js';

/** Part of the key: another look of the page is another version. */
const VERSION = 1;

/** Files that are linked, by their names, with words for them. */
const LINKED: Readonly<Record<string, string>> = {
  [VIDEO_ARTIFACTS.video]: 'video',
  [VIDEO_ARTIFACTS.sheet]: 'frames',
  [IMAGE_ARTIFACTS.montage]: 'pictures',
  [VIDEO_ARTIFACTS.report]: 'report',
};

/**
 * The path of the index of a batch as it is now, an HTML page; its links are relative to `/v1/jobs/ID/index.html`.
 * @throws {NeuroreelError} JOB_UNKNOWN; ARTIFACT_UNKNOWN for a job that is no batch
 */
export async function batchIndexOf(jobs: JobFiles, files: DerivedFiles, id: string): Promise<string> {
  const { request } = jobs.get(id);
  if (request.kind !== 'batch') {
    throw new NeuroreelError('ARTIFACT_UNKNOWN', `Job ${id} is no batch, which has an index of its jobs.`);
  }
  const all = partsOf(jobs, id);
  const now = all.map((part) => [part.id, part.state, part.endedAt]);
  const hash = createHash('sha256').update(JSON.stringify(now)).digest('hex');
  const pictures = new Map<string, string>();
  for (const part of all) {
    if (part.state === 'succeeded') pictures.set(part.id, await thumbnailOf(jobs, files, part.id));
  }
  return files.get(`batch${VERSION}-${hash}.html`, async (to) => {
    const parts: BatchPart[] = [];
    for (const part of all) parts.push(await partOf(jobs, part, pictures.get(part.id)));
    await writeFile(to, batchJobsHtml({ ...aboutOf(request, all), parts }));
  });
}

/** All jobs of a batch, in its order. */
function partsOf(jobs: JobFiles, parent: string): Job[] {
  const all: Job[] = [];
  let cursor: string | undefined;
  do {
    const { jobs: some, next } = jobs.find({ parent, limit: MAX_LISTED, cursor });
    all.push(...some);
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  // They are listed newest first.
  return all.reverse();
}

function aboutOf({ job }: BatchJobRequest, all: readonly Job[]) {
  const strips = job.kind === 'video';
  const done = all.filter(({ state }) => state === 'succeeded').length;
  return {
    strips,
    title: `Preferred ${strips ? 'videos' : 'pictures'} of ${job.model}`,
    facts: [`${done} of ${all.length} units are done; preset ${job.preset}`, `seed ${job.seed}`],
  };
}

async function partOf(jobs: JobFiles, job: Job, picture: string | undefined): Promise<BatchPart> {
  const { id, state, run, error } = job;
  const title = run !== null && 'unit' in run ? run.unit.label : id;
  if (picture === undefined) return { title, words: error?.message ?? state, picture: null, links: [] };
  const names = jobs.artifacts(id).map(({ name }) => name);
  const links = Object.entries(LINKED).flatMap(([file, name]) =>
    names.includes(file) ? [{ name, href: `../${id}/artifacts/${file}` }] : [],
  );
  return { title, words: await reachedBy(jobs, job), picture: await readFile(picture), links };
}

/** What a job reached, from its report; of several starts the best. */
async function reachedBy(jobs: JobFiles, { id, request }: Job): Promise<string> {
  const report: unknown = JSON.parse(await readFile(jobs.artifact(id, VIDEO_ARTIFACTS.report).path, 'utf8'));
  const best = request.kind === 'image' ? bestOf(imageReport.parse(report).pictures) : endOf(report);
  const sure = best.probability === null ? '' : `, probability ${(100 * best.probability).toFixed(0)} %`;
  return `activation ${best.activation.toFixed(2)}${sure}`;
}

interface Reached {
  readonly activation: number;
  readonly probability: number | null;
}

const bestOf = (pictures: readonly Reached[]): Reached =>
  pictures.reduce((one, other) => (other.activation > one.activation ? other : one));

function endOf(report: unknown): Reached {
  const { finalActivation, finalProbability } = videoReport.parse(report);
  return { activation: finalActivation, probability: finalProbability };
}
