/** Decoding of real clips of several formats, held against the frame counts that came with them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VideoReader } from '../../src/video/index.js';

interface Clip {
  file: string;
  codec: string;
  width: number;
  height: number;
  fps: number;
  decoded_frames: number;
  errors: number;
}

const data = join(process.env['NEUROREEL_SHARED'] ?? join(import.meta.dirname, '..', '..', '..', 'shared'), 'data');
const index = join(data, 'videos', 'index.json');
const present = existsSync(index);
const clips = present ? (JSON.parse(readFileSync(index, 'utf8')) as { clips: Clip[] }).clips : [];
/** One clip of each codec, and a few more of different sizes and rates. */
const chosen = [
  ...new Map(clips.map((clip) => [`${clip.codec} ${clip.width} ${Math.round(clip.fps)}`, clip])).values(),
].filter((clip) => clip.decoded_frames < 2000);

describe.skipIf(!present)(`real clips${present ? '' : ` (skipped: ${index} is not there)`}`, () => {
  it.each(chosen.map((clip) => [clip.file, clip] as const))(
    '%s has as many frames as its index says',
    async (_, clip) => {
      const reader = new VideoReader(join(data, clip.file), { width: 32, height: 32 });
      let count = 0;
      for await (const frame of reader) expect(frame.index).toBe(count++);
      expect(count).toBe(clip.decoded_frames);
      expect(reader.fps).toBeCloseTo(clip.fps, 1);
    },
  );

  it('a clip has its own size when none is asked for', async () => {
    const clip = chosen[0]!;
    for await (const frame of new VideoReader(join(data, clip.file), { maxFrames: 1 })) {
      expect([frame.width, frame.height]).toEqual([clip.width, clip.height]);
    }
  });
});
