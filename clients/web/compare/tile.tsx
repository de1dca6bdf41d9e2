/** One of the videos and pictures that are compared. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { linkTo } from '../app/router.js';
import { Picture, useFileAddress } from '../shared/files.js';
import { Notice } from '../shared/notice.js';
import type { Clock } from './clock.js';
import type { Item } from './items.js';
import type { Shown } from './shown.js';
import { useItem } from './use-item.js';

interface TileProps {
  readonly item: Item;
  readonly clock: Clock;
  readonly onClose: () => void;
  /** Told when it is known what is shown. */
  readonly onShown: (part: string, shown: Shown) => void;
}

function Video({ shown, item, clock }: { readonly shown: Shown } & Pick<TileProps, 'item' | 'clock'>): JSX.Element {
  const video = useRef<HTMLVideoElement>(null);
  const address = useFileAddress(shown.url);
  useEffect(() => {
    if (video.current === null || address === null) return undefined;
    if (shown.frame !== null) clock.frame = shown.frame;
    return clock.follow(item.part, video.current);
  }, [address, clock, item.part]);
  return (
    <video
      ref={video}
      class="compare-video"
      src={address ?? undefined}
      aria-label={`${shown.title}, ${shown.subtitle}`}
      muted
      playsInline
      preload="auto"
    />
  );
}

export function Tile({ item, clock, onClose, onShown }: TileProps): JSX.Element {
  const { shown, failure } = useItem(item);
  useEffect(() => {
    if (shown !== null) onShown(item.part, shown);
  }, [shown]);
  const title = shown?.title ?? (failure === null ? 'Loading' : 'Not to be shown');
  return (
    <article class={`card compare-tile ${item.kind}`} aria-label={title}>
      <div class="compare-head">
        <div>
          <h2>{item.kind === 'job' ? <a href={linkTo('watch', [item.id])}>{title}</a> : title}</h2>
          <p class="quiet" title={shown?.subtitle}>
            {shown?.subtitle ?? item.part.slice(0, 40)}
          </p>
        </div>
        <button type="button" class="plain" aria-label={`Take ${title} away`} onClick={onClose}>
          ×
        </button>
      </div>
      {failure !== null && <Notice error={failure} />}
      {shown !== null && (
        <>
          {shown.still ? (
            <Picture class="compare-picture" url={shown.url} alt={`${shown.title}, ${shown.subtitle}`} />
          ) : (
            <Video shown={shown} item={item} clock={clock} />
          )}
          <dl class="compare-facts">
            {shown.facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </article>
  );
}
