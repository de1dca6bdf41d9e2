/** The request as a command, as a call of curl, as JSON: to copy. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { JobRequestInput } from '../../../src/protocol/jobs.js';
import { token } from '../shared/api.js';
import { CopyButton } from '../shared/copy-button.js';
import { commandLine, curlLine } from './command-line.js';

const WAYS = { command: 'Command line', curl: 'curl', json: 'JSON' } as const;
type Way = keyof typeof WAYS;

const serverAddress = (): string => new URL('.', document.baseURI).href;

function textOf(way: Way, request: JobRequestInput): string | null {
  switch (way) {
    case 'command':
      return commandLine(request, serverAddress())?.line ?? null;
    case 'curl':
      return curlLine(request, serverAddress(), token.get() !== null);
    case 'json':
      return JSON.stringify(request, null, 2);
  }
}

export function RequestView({ request }: { readonly request: JobRequestInput }): JSX.Element {
  const chosen = useSignal<Way>('command');
  const missing = commandLine(request, serverAddress())?.missing ?? [];
  const text = textOf(chosen.value, request);
  return (
    <section class="card request" aria-labelledby="request-title">
      <h2 id="request-title">The request</h2>
      <p class="quiet">The same without this page.</p>
      <div class="tabs" role="group" aria-label="Form of the request">
        {(Object.keys(WAYS) as Way[]).map((way) => (
          <button key={way} type="button" aria-pressed={chosen.value === way} onClick={() => (chosen.value = way)}>
            {WAYS[way]}
          </button>
        ))}
      </div>
      <pre class="code" tabIndex={0} aria-label={WAYS[chosen.value]}>
        {text ?? 'There is no command for this; use curl or the JSON.'}
      </pre>
      {chosen.value === 'command' && missing.length > 0 && (
        <p class="quiet">
          The command has no option for <b>{missing.join(', ')}</b>; curl and the JSON have it all.
        </p>
      )}
      {text !== null && <CopyButton text={text} what={WAYS[chosen.value]} />}
    </section>
  );
}
