/** The sections of the page. To add one: a folder with its view, and an entry here. */
import type { FunctionComponent } from 'preact';
import { AuditSection } from '../audit/audit-section.js';
import { CompareSection } from '../compare/compare-section.js';
import { HistorySection } from '../history/history-section.js';
import { ModelsSection } from '../models/models-section.js';
import { StartSection } from '../start/start-section.js';
import { WatchSection } from '../watch/watch-section.js';
import type { Route } from './router.js';

export interface Section {
  /** In the address: `#/path`. */
  readonly path: string;
  /** In the navigation. */
  readonly title: string;
  /** What is shown; drawn anew when the route changes. */
  readonly View: FunctionComponent<{ readonly route: Route }>;
}

/** In the order of the navigation. */
export const SECTIONS: readonly Section[] = [
  { path: 'start', title: 'Start', View: StartSection },
  { path: 'watch', title: 'Watch', View: WatchSection },
  { path: 'compare', title: 'Compare', View: CompareSection },
  { path: 'models', title: 'Models', View: ModelsSection },
  { path: 'audit', title: 'Audit', View: AuditSection },
  { path: 'history', title: 'History', View: HistorySection },
];

/** The section that an address without one shows. */
export const FIRST_SECTION = 'watch';
