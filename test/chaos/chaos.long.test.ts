/** A small instance of what `npm run test:chaos` does at length. */
import { describe, expect, it } from 'vitest';
import { batch, killServer, killWorker } from './scenarios.js';

describe('jobs survive', () => {
  it('a kill -9 of the server: they go on, to the same bytes, none is lost or doubled', async () => {
    const counts = await killServer({ size: 1, seed: 3 });
    expect(counts).toMatchObject({ jobs: 1, succeeded: 1, identical: 1, 'hit running': 1, lost: 0, doubled: 0 });
  });

  it('the end of their workers, to the same bytes', async () => {
    const counts = await killWorker({ size: 2, seed: 3 });
    expect(counts).toMatchObject({ jobs: 2, succeeded: 2, identical: 2 });
    // The other may be hit while it starts.
    expect(counts['hit running']).toBeGreaterThan(0);
  });

  it('as a batch that is paused, stopped, resumed and killed: each is done once, in order', async () => {
    const counts = await batch({ size: 6, seed: 3, job: { frames: 8 } });
    expect(counts).toEqual({ jobs: 6, succeeded: 6, inOrder: 1, twice: 0 });
  });
});
