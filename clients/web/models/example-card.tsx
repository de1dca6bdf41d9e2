/** A real clip or picture of a unit, with what it does to the unit; a clip plays in place. */
import type { ComponentChildren, JSX } from 'preact';
import type { UnitExample } from '../../../src/protocol/models.js';
import { useFileAddress } from '../shared/files.js';
import { LazyPicture } from '../shared/lazy-picture.js';
import { sentenceCase, short } from '../shared/words.js';
import { exampleFile } from './use-examples.js';

interface ExampleCardProps {
  readonly model: string;
  readonly clips: string;
  readonly example: UnitExample;
  /** From 1. */
  readonly rank: number;
  /** Whether there is a clip, not only a picture. */
  readonly isClip: boolean;
  readonly playing: boolean;
  readonly onToggle: () => void;
  readonly children?: ComponentChildren;
}

function Playing({ url, name }: { readonly url: string; readonly name: string }): JSX.Element {
  const address = useFileAddress(url);
  return <video class="example-media" src={address ?? undefined} aria-label={name} muted loop autoplay playsInline />;
}

export function ExampleCard({ example, rank, isClip, playing, onToggle, ...props }: ExampleCardProps): JSX.Element {
  const { model, clips, children } = props;
  const { id, name, label, activation, answer } = example;
  const title = `${rank}. ${label === null ? name : sentenceCase(label)}`;
  const file = (of: string): string => exampleFile(model, clips, id, of);
  const picture = playing ? (
    <Playing url={file('clip.mp4')} name={name} />
  ) : (
    <LazyPicture class="example-media" url={file('picture.webp')} alt={isClip ? '' : name} width={96} height={96} />
  );
  return (
    <li class="example">
      {isClip ? (
        <button
          type="button"
          class="example-play"
          aria-pressed={playing}
          aria-label={`Play ${name}`}
          onClick={onToggle}
        >
          {picture}
          {!playing && (
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M8 5l11 7-11 7z" />
            </svg>
          )}
        </button>
      ) : (
        picture
      )}
      <div class="example-words">
        <span class="example-name" title={name}>
          {title}
        </span>
        <span class="number">{short(activation)}</span>
      </div>
      {label !== null && answer !== label && <small class="quiet">taken for {answer}</small>}
      {children}
    </li>
  );
}
