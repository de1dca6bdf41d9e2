/** Small pictures that are fetched when they come into sight, and are simply left out where there is none. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { send, token } from './api.js';

interface LazyPictureProps {
  readonly url: string;
  readonly alt: string;
  readonly class?: string;
  readonly width: number;
  readonly height: number;
}

/** How far outside of the window a picture is fetched already. */
const MARGIN = '300px';

/** The address of a picture that only a request with a token gets; null until it came into sight and is there. */
function useFetched(url: string, element: { readonly current: Element | null }): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (token.get() === null || element.current === null) return undefined;
    let made: string | null = null;
    let wanted = true;
    const fetchIt = async (): Promise<void> => {
      const blob = await (await send('GET', url)).blob();
      if (!wanted) return;
      made = URL.createObjectURL(blob);
      setAddress(made);
    };
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting !== true) return;
        seen.disconnect();
        // Whoever has no picture shows none.
        fetchIt().catch(() => undefined);
      },
      { rootMargin: MARGIN },
    );
    seen.observe(element.current);
    return () => {
      wanted = false;
      seen.disconnect();
      if (made !== null) URL.revokeObjectURL(made);
      setAddress(null);
    };
  }, [url]);
  return address;
}

export function LazyPicture({ url, alt, class: className, width, height }: LazyPictureProps): JSX.Element {
  const element = useRef<HTMLImageElement>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const fetched = useFetched(url, element);
  const address = token.get() === null ? url : fetched;
  const shown = address !== null && failed !== url;
  return (
    <img
      ref={element}
      class={`lazy-picture ${className ?? ''}`}
      src={shown ? address : undefined}
      alt={shown ? alt : ''}
      width={width}
      height={height}
      loading="lazy"
      decoding="async"
      data-there={shown}
      onError={() => setFailed(url)}
    />
  );
}
