/** Which frames of a video a recogniser looks at together. */
import type { SequenceRule } from '../../protocol/manifest.js';

/**
 * The windows of a video, as lists of frame numbers, all of one length.
 *
 * - `windows`: starts 0, stride, 2 stride ... as long as start + length < frames; then, once more, the last frames
 *   (Donahue et al.'s LRCN program). A shorter video is one window.
 * - `spread`: every window of `length` frames that are `floor(frames / length)` apart: evenly spaced, and every frame
 *   counts. A shorter video is one window.
 * - `whole`: all frames.
 */
export function windowsOf(rule: SequenceRule, frames: number): number[][] {
  const all = Array.from({ length: frames }, (_, t) => t);
  switch (rule.rule) {
    case 'whole':
      return [all];
    case 'windows': {
      if (frames <= rule.length) return [all];
      const starts: number[] = [];
      for (let start = 0; start + rule.length < frames; start += rule.stride) starts.push(start);
      starts.push(frames - rule.length);
      return starts.map((start) => all.slice(start, start + rule.length));
    }
    case 'spread': {
      const step = Math.max(1, Math.floor(frames / rule.length));
      const places = all.slice(0, rule.length);
      const starts = all.slice(0, frames - (places.length - 1) * step);
      return starts.map((start) => places.map((i) => start + i * step));
    }
  }
}
