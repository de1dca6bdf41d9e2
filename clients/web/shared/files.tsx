/** Files of jobs in the page. With a token they have to be fetched first, since a picture or a link cannot send one. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { send, token } from './api.js';
import { reportFailure } from './trouble.js';

async function fetched(url: string): Promise<string> {
  return URL.createObjectURL(await (await send('GET', url)).blob());
}

/** An address that a video or a picture can use; null until there is one, or for null. */
export function useFileAddress(url: string | null): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    setAddress(null);
    if (url === null) return undefined;
    if (token.get() === null) {
      setAddress(url);
      return undefined;
    }
    let made: string | null = null;
    let wanted = true;
    fetched(url).then((blob) => {
      made = blob;
      if (wanted) setAddress(blob);
      else URL.revokeObjectURL(blob);
    }, reportFailure);
    return () => {
      wanted = false;
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [url]);
  return address;
}

interface FileLinkProps {
  readonly url: string;
  /** Name of the file on the disk of who downloads it. */
  readonly name: string;
  /** Open it beside the page where that can be done, instead of saving it. */
  readonly open?: boolean;
  readonly children: ComponentChildren;
}

/** A link that downloads or opens a file. */
export function FileLink({ url, name, open = false, children }: FileLinkProps): JSX.Element {
  if (token.get() === null) {
    return open ? (
      <a href={url} target="_blank" rel="noopener">
        {children}
      </a>
    ) : (
      <a href={url} download={name}>
        {children}
      </a>
    );
  }
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const address = await fetched(url);
      Object.assign(document.createElement('a'), { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      reportFailure(error);
    }
  };
  return (
    <a href={url} onClick={save}>
      {children}
    </a>
  );
}

interface PictureProps {
  readonly url: string;
  readonly alt: string;
  readonly class?: string;
}

/** A picture out of the files of a job. */
export function Picture({ url, alt, class: className }: PictureProps): JSX.Element {
  const address = useFileAddress(url);
  return <img class={className} src={address ?? undefined} alt={alt} loading="lazy" />;
}
