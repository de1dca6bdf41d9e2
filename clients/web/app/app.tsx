/** The shell: header with navigation, trouble, the section, the dialog for a token. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { connectionState } from '../shared/connection.js';
import { dismissTrouble, trouble } from '../shared/trouble.js';
import { Notice } from '../shared/notice.js';
import { linkTo, route } from './router.js';
import { FIRST_SECTION, SECTIONS, type Section } from './sections.js';
import { TokenDialog } from './token-dialog.js';

const CONNECTION = { connecting: 'Connecting', live: 'Live', lost: 'Reconnecting' } as const;

function current(): Section | undefined {
  const path = route.value.section === '' ? FIRST_SECTION : route.value.section;
  return SECTIONS.find((section) => section.path === path);
}

function Header({ active }: { readonly active: string | undefined }): JSX.Element {
  return (
    <header class="bar">
      <a class="brand" href={linkTo(FIRST_SECTION)}>
        <img src="./icon.svg" alt="" width="26" height="26" />
        neuroreel
      </a>
      <nav aria-label="Sections">
        {SECTIONS.map(({ path, title }) => (
          <a key={path} href={linkTo(path)} aria-current={path === active ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <p id="connection" class="connection" role="status" data-state={connectionState.value}>
        {CONNECTION[connectionState.value]}
      </p>
    </header>
  );
}

function Trouble(): JSX.Element | null {
  if (trouble.value === null) return null;
  return (
    <div class="trouble">
      <Notice id="trouble" error={trouble.value}>
        <button type="button" onClick={dismissTrouble}>
          Dismiss
        </button>
      </Notice>
    </div>
  );
}

function Unknown(): JSX.Element {
  return (
    <section class="card empty">
      <h1 tabIndex={-1}>There is no such section</h1>
      <p>
        <a href={linkTo(FIRST_SECTION)}>Back to the first</a>
      </p>
    </section>
  );
}

/** Keyboard and screen readers land at the new section's heading, except at the first. */
function useFocusOnChange(path: string | undefined): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== path) document.querySelector<HTMLElement>('main h1')?.focus();
    before.current = path;
  }, [path]);
}

export function App(): JSX.Element {
  const section = current();
  useFocusOnChange(section?.path);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>('main')?.focus();
        }}
      >
        Skip to content
      </a>
      <Header active={section?.path} />
      <Trouble />
      <main id="main" tabIndex={-1}>
        {section === undefined ? <Unknown /> : <section.View route={route.value} />}
      </main>
      <TokenDialog />
    </>
  );
}
