/** What can be put beside: finished videos, images and figures, and the real clips that excite the unit most. */
import type { JSX } from 'preact';
import { linkTo } from '../app/router.js';
import { exampleFile, useExamples } from '../models/use-examples.js';
import { LazyPicture } from '../shared/lazy-picture.js';
import { Notice } from '../shared/notice.js';
import { useJobs } from '../shared/use-jobs.js';
import { moment, nameOfJob, short, unitLabel } from '../shared/words.js';
import { clipPart, MOST_ITEMS } from './items.js';
import { COMPARED } from './job-shown.js';
import type { Shown } from './shown.js';

/** Finished jobs that are offered; those before them are found in the history. */
const MOST_JOBS = 30;
const MOST_CLIPS = 8;

interface ChoicesProps {
  readonly parts: readonly string[];
  readonly onToggle: (part: string) => void;
}

interface ChoiceProps extends ChoicesProps {
  readonly part: string;
  readonly picture: string;
  readonly isStrip: boolean;
  readonly name: string;
  readonly words: string;
}

function Choice({ part, parts, picture, isStrip, name, words, onToggle }: ChoiceProps): JSX.Element {
  const on = parts.includes(part);
  return (
    <li>
      <label class="choice">
        <input
          type="checkbox"
          checked={on}
          disabled={!on && parts.length >= MOST_ITEMS}
          onChange={() => onToggle(part)}
        />
        <LazyPicture
          class={isStrip ? 'strip' : ''}
          url={picture}
          alt=""
          width={isStrip ? 96 : 48}
          height={isStrip ? 24 : 48}
        />
        <span class="choice-words">
          <span class="job-name">{name}</span>
          <span class="quiet">{words}</span>
        </span>
      </label>
    </li>
  );
}

export function JobChoices({ parts, onToggle }: ChoicesProps): JSX.Element {
  const finished = useJobs(`state=succeeded&kind=${COMPARED.join(',')}&parent=any&limit=${MOST_JOBS}`);
  return (
    <section class="card choices" aria-labelledby="choices-title">
      <h2 id="choices-title">Finished jobs</h2>
      {finished === null && <p class="quiet">Loading</p>}
      {finished?.length === 0 && (
        <p class="quiet">
          None yet. <a href={linkTo('start')}>Start a job</a>, and it can be compared when it is finished.
        </p>
      )}
      <ul>
        {finished?.map((job) => (
          <Choice
            key={job.id}
            {...{ parts, onToggle, part: job.id, isStrip: job.request.kind === 'video' }}
            picture={`v1/jobs/${job.id}/thumbnail.webp`}
            name={nameOfJob(job)}
            words={moment(job.createdAt)}
          />
        ))}
      </ul>
    </section>
  );
}

interface ClipChoicesProps extends ChoicesProps {
  readonly unit: NonNullable<Shown['unit']>;
}

/** Out of the clips that the model brings. */
export function ClipChoices({ unit: { model, index }, parts, onToggle }: ClipChoicesProps): JSX.Element {
  const asked = useExamples({ model, clips: '', unit: index, limit: MOST_CLIPS });
  const { found, failure } = asked;
  const busy = found?.state === 'scoring' || found?.state === 'waiting';
  const label = unitLabel(model, index);
  return (
    <section class="card choices" aria-labelledby="clips-title">
      <h2 id="clips-title">Real clips that excite {label} most</h2>
      {failure !== null && <Notice error={failure} />}
      {found === null && failure === null && <p class="quiet">Loading</p>}
      {found !== null && found.state !== 'complete' && (
        <p class="quiet" role="status">
          {found.scored} of {found.total} clips of {model} are scored.
        </p>
      )}
      {found !== null && (found.state === 'incomplete' || found.state === 'failed') && (
        <button type="button" class="primary" onClick={() => asked.score()}>
          Score the clips
        </button>
      )}
      {busy && (
        <progress
          class="examples-progress"
          max={Math.max(1, found.total)}
          value={found.scored}
          aria-label="Scored clips"
        />
      )}
      <ul>
        {found?.examples.map(({ id, name, activation }) => (
          <Choice
            key={id}
            {...{ parts, onToggle, part: clipPart({ model, id, unit: index, clips: '' }), isStrip: false }}
            picture={exampleFile(model, '', id, 'picture.webp')}
            name={name.replace(/^.*\//, '')}
            words={`activation ${short(activation)}`}
          />
        ))}
      </ul>
    </section>
  );
}
