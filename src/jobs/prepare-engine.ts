/** What a worker that waits for a job of the shipped kinds can load: their modules import the rest. */
import { preloadRuntime } from '../engine/runtimes/open.js';
import type { EngineSettings } from './kinds.js';

/** See `JobModule.prepare`. */
export function prepareEngine(settings: unknown): Promise<void> {
  const { runtime, device } = settings as EngineSettings;
  return preloadRuntime(runtime, device);
}
