/** What a finished job left: its files as links, and what its report says for the page. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Artifact, Job } from '../../../src/protocol/jobs.js';
import { call, client } from '../shared/api.js';
import { FileLink } from '../shared/files.js';
import { reportFailure } from '../shared/trouble.js';
import { bytes } from '../shared/words.js';

/** Names of files, the most wanted first. */
const NAMES: Readonly<Record<string, string>> = {
  'video.mp4': 'Video',
  'sheet.png': 'Contact sheet',
  'activation.png': 'Plot',
  'montage.png': 'All images',
  'figure.png': 'Figure',
  'figure.mp4': 'Figure as video',
  'figure.json': 'Document of the figure',
  'report.json': 'Report',
};

/** The files of a job that has succeeded; null until they are known. */
export function useArtifacts({ id, state }: Job): readonly Artifact[] | null {
  const [artifacts, setArtifacts] = useState<{ id: string; list: readonly Artifact[] } | null>(null);
  const done = state === 'succeeded';
  useEffect(() => {
    if (!done) return;
    client.value.jobs.artifacts(id).then((list) => setArtifacts({ id, list }), reportFailure);
  }, [id, done]);
  return artifacts !== null && artifacts.id === id && done ? artifacts.list : null;
}

/** A file of JSON that a job left; null until it is there, or when there is none. */
export function useReport<T>(artifacts: readonly Artifact[] | null, name = 'report.json'): T | null {
  const [report, setReport] = useState<T | null>(null);
  const url = artifacts?.find((artifact) => artifact.name === name)?.url;
  useEffect(() => {
    setReport(null);
    if (url !== undefined) call<T>('GET', url).then(setReport, reportFailure);
  }, [url]);
  return report;
}

interface ListProps {
  readonly id: string;
  readonly files: readonly Artifact[];
  readonly names: Readonly<Record<string, string>>;
  readonly label: string;
}

interface FilesProps {
  readonly id: string;
  readonly artifacts: readonly Artifact[];
  /** Names for people, in order. */
  readonly names?: Readonly<Record<string, string>>;
  readonly onlyNamed?: boolean;
}

function FileList({ id, files, names, label }: ListProps): JSX.Element {
  return (
    <ul class="artifacts" aria-label={label}>
      {files.map(({ name, url, bytes: size }) => (
        <li key={name}>
          <FileLink url={url} name={`${id}-${name}`} open={name.endsWith('.html')}>
            {names[name] ?? name}
          </FileLink>{' '}
          <span class="quiet">{bytes(size)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Files as links, with their sizes; those without a name for people are folded away. */
export function Files({ id, artifacts, names = NAMES, onlyNamed = false }: FilesProps): JSX.Element {
  const place = ({ name }: Artifact): number => Object.keys(names).indexOf(name);
  const named = artifacts.filter(({ name }) => name in names).toSorted((a, b) => place(a) - place(b));
  const others = onlyNamed ? [] : artifacts.filter(({ name }) => !(name in names));
  return (
    <>
      <FileList id={id} files={named} names={names} label="Files of this job" />
      {others.length > 0 && (
        <details class="more-files">
          <summary>
            {others.length} more {others.length === 1 ? 'file' : 'files'}
          </summary>
          <FileList id={id} files={others} names={names} label="More files" />
        </details>
      )}
    </>
  );
}
