/** Asks for the token of a server that has one. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { token } from '../shared/api.js';
import { tokenNeeded } from '../shared/trouble.js';
import { connect } from './begin.js';

export function TokenDialog(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const needed = tokenNeeded.value;
  useEffect(() => {
    if (needed && dialog.current?.open === false) dialog.current.showModal();
  }, [needed]);
  const submit = (): void => {
    token.set(text);
    tokenNeeded.value = false;
    void connect();
  };
  return (
    <dialog ref={dialog} aria-labelledby="token-title" onClose={() => (tokenNeeded.value = false)}>
      <form method="dialog" class="form" onSubmit={submit}>
        <h2 id="token-title">This server needs a token</h2>
        <p class="quiet">
          It was set when the server was started (NEUROREEL_TOKEN). It is kept until this tab is closed.
        </p>
        {token.get() !== null && <p class="field-error">The token that was given is not right.</p>}
        <label>
          Token
          <input
            type="password"
            autocomplete="off"
            required
            minLength={16}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Continue
        </button>
      </form>
    </dialog>
  );
}
