import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EVOLUTION_FILE, EvolutionWriter } from '../../src/jobs/evolution-writer.js';
import { Evolution } from '../../src/jobs/evolution.js';
import type { FrameSet } from '../../src/jobs/pictures.js';
import { findFfmpeg } from '../../src/video/index.js';
import { fixtureRequest, reaches, temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { startServer, type Answer, type TestServer } from './harness.js';

/** Frame k is filled with the grey value 20 k + step. */
function frames(step: number): FrameSet {
  const [count, width, height] = [5, 16, 12];
  const pixels = new Uint8Array(count * width * height * 3);
  for (let k = 0; k < count; k++) pixels.fill(20 * k + step, k * width * height * 3, (k + 1) * width * height * 3);
  return { pixels, frames: count, width, height, step, activation: step / 2, microseconds: 5 };
}

describe('the evolution of a job', () => {
  it('goes on after an interruption, even one within a record, to the same bytes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'neuroreel-test-'));
    const whole = new EvolutionWriter(folder, 10);
    for (const step of [1, 10, 20, 30]) whole.add(frames(step));
    await whole.finish(folder);
    const bytes = await readFile(join(folder, EVOLUTION_FILE));
    await writeFile(join(folder, EVOLUTION_FILE), bytes.subarray(0, bytes.byteLength - 20));
    const again = new EvolutionWriter(folder, 10);
    for (const step of [20, 30]) again.add(frames(step));
    await again.finish(folder);
    expect(Buffer.compare(await readFile(join(folder, EVOLUTION_FILE)), bytes)).toBe(0);
    const evolution = await Evolution.open(join(folder, EVOLUTION_FILE));
    expect(evolution.length).toBe(4);
    const set = await evolution.frames(2);
    expect(set).toMatchObject({ frames: 5, width: 16, height: 12, step: 20, activation: 10 });
    for (let k = 0; k < 5; k++)
      expect(Math.abs(set.pixels[(k * 192 + 96) * 3]! - (20 * k + 20))).toBeLessThanOrEqual(2);
    await rm(folder, { recursive: true });
  });

  it('stays bounded: when too many are kept, every second one goes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'neuroreel-test-'));
    const writer = new EvolutionWriter(folder, 1);
    for (let step = 1; step <= 200; step++) if (writer.isDue(step)) writer.add(frames(step % 100));
    for (let step = 1; step <= 70; step++) writer.add(frames(step));
    await writer.finish(folder);
    expect((await Evolution.open(join(folder, EVOLUTION_FILE))).length).toBeLessThanOrEqual(64);
    await rm(folder, { recursive: true });
  });
});

describe('a replay', () => {
  let t: TestServer;

  beforeAll(async () => {
    t = await startServer();
    await t.server.jobs.submit('kept', fixtureRequest('steady', { iterations: 12, keyframeEvery: 4 }));
    await t.server.jobs.submit('bare', fixtureRequest('steady'));
    await reaches(t.server.jobs, 'kept', 'succeeded');
    await reaches(t.server.jobs, 'bare', 'succeeded');
  });

  afterAll(() => t.stop());

  it('shows the kept iterations in order, flagged, and ends', async () => {
    const client = await t.stream();
    client.send({ type: 'subscribe', job: 'kept', frames: { view: 'frame', index: 2 }, replay: { rate: 20 } });
    expect(await client.next('state')).toMatchObject({ job: { state: 'succeeded' } });
    expect(await client.next('ended')).toMatchObject({ job: 'kept' });
    const headers = client.all('frame').map(({ header }) => header);
    expect(headers.map(({ step }) => step)).toEqual([1, 4, 8, 12]);
    for (const header of headers) expect(header).toMatchObject({ kind: 'frame', frame: 2, flags: 1 });
    client.send({ type: 'subscribe', job: 'kept', replay: { rate: 60, loop: true } });
    await client.next('frame', ({ header }) => header.step === 12);
    await client.next('frame', ({ header }) => header.step === 1);
    client.send({ type: 'unsubscribe', job: 'kept' });
    client.send({ type: 'subscribe', job: 'bare', replay: {}, re: 3 });
    expect(await client.next('error')).toMatchObject({ re: 3, error: { code: 'ARTIFACT_UNKNOWN' } });
    client.socket.close();
  });

  it('is an MP4 in fragments, which begins with its index', async () => {
    for (const query of ['', '?rate=4&frame=3']) {
      const response = await fetch(`${t.url}/v1/jobs/kept/replay.mp4${query}`);
      const bytes = Buffer.from(await response.arrayBuffer());
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'video/mp4']);
      const places = ['ftyp', 'moov', 'moof', 'mdat'].map((box) => bytes.indexOf(box));
      expect(places.every((place) => place >= 0)).toBe(true);
      expect([...places].sort((a, b) => a - b)).toEqual(places);
    }
    expect((await t.call('GET', '/v1/jobs/bare/replay.mp4')).body.error.code).toBe('ARTIFACT_UNKNOWN');
    expect((await t.call('GET', '/v1/jobs/kept/replay.mp4?rate=0')).body.error.code).toBe('REQUEST_INVALID');
  });

  it('is made four at a time, 32 wait, and more are refused until there is room', async () => {
    const folder = await temporaryFolder();
    const [script, gate] = [join(folder.path, 'ffmpeg'), join(folder.path, 'open')];
    const { path } = await findFfmpeg();
    // An encoder that waits until the gate is open; asked for its version, it answers.
    const wait = `case "$*" in *-version*) ;; *) while [ ! -e "${gate}" ]; do sleep 0.05; done ;; esac`;
    await writeFile(script, `#!/bin/sh\n${wait}\nexec "${path}" "$@"\n`, { mode: 0o755 });
    vi.stubEnv('FFMPEG_PATH', script);
    try {
      const refused: Answer[] = [];
      const asked = Array.from({ length: 40 }, async () => {
        const answer = await t.call('GET', '/v1/jobs/kept/replay.mp4?rate=60');
        if (answer.status !== 200) refused.push(answer);
        return answer.status;
      });
      await expect.poll(() => refused.length).toBe(4);
      for (const { status, headers, body } of refused) {
        expect([status, body.error.code]).toEqual([429, 'STREAM_LIMIT']);
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
      await writeFile(gate, '');
      expect((await Promise.all(asked)).filter((status) => status === 200).length).toBe(36);
      expect((await t.call('GET', '/v1/jobs/kept/replay.mp4')).status).toBe(200);
    } finally {
      await writeFile(gate, '');
      vi.unstubAllEnvs();
      await folder.remove();
    }
  });
});
