/** The main job as a newcomer runs it, with the shipped models and few iterations: server, stream, MP4, probe. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditReport, videoReport } from '../../src/protocol/index.js';
import { decodeVideo } from '../../src/video/index.js';
import { openPlace, type Place } from '../cli/run-cli.js';

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

it('makes a 160-frame video of the default unit, its sheet, plot and report, and finds that the recogniser uses time', async () => {
  const folder = join(place.path, 'out', 'demo');
  const { code, stdout, stderr } = await place.run(['demo', '--iterations', '4', '--json']);
  expect(stderr).not.toMatch(/error [A-Z_]+:/);
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as { url: string; probe: unknown };
  expect(result.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+/);

  const probe = auditReport.parse(result.probe);
  expect(probe.verdict).toBe('sensitive');
  const report = videoReport.parse(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')));
  expect(report.activations).toHaveLength(4);
  expect(report.activations[3]!).toBeGreaterThan(report.activations[0]!);
  expect(report.realClips?.activations.length).toBeGreaterThan(0);
  expect(report.model.sha256).toMatch(/^[0-9a-f]{64}$/);
  for (const name of ['sheet.png', 'activation.png']) expect(existsSync(join(folder, name))).toBe(true);
  const video = await decodeVideo(join(folder, 'video.mp4'));
  expect([video.count, video.width, video.height]).toEqual([160, 256, 256]);
}, 240_000);
