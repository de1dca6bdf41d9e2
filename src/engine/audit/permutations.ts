/**
 * Orders of frames: lists of frame numbers, position t showing frame order[t]. Frames are permuted in memory, in the
 * clip's natural order; nothing is encoded again. All orders are as long as the clip.
 */
import type { Strength } from '../../protocol/audit-report.js';
import type { Random } from '../random.js';

export type FrameOrder = Int32Array;

/** 0, 1, 2, ... */
export function inOrder(frames: number): FrameOrder {
  return Int32Array.from({ length: frames }, (_, t) => t);
}

/** Every order of the whole clip with the same probability. */
export function shuffle(frames: number, random: Random): FrameOrder {
  return random.permutation(frames);
}

/** Frames change places only within consecutive windows of `size` frames (the last may be shorter). */
export function shuffleWindows(frames: number, size: number, random: Random): FrameOrder {
  const order = new Int32Array(frames);
  for (let start = 0; start < frames; start += size) {
    const length = Math.min(size, frames - start);
    random.permutation(length).forEach((from, i) => (order[start + i] = start + from));
  }
  return order;
}

/** Blocks of `size` frames (the last may be shorter) in random order; within a block frames stay in order. */
export function permuteBlocks(frames: number, size: number, random: Random): FrameOrder {
  const order: number[] = [];
  for (const block of random.permutation(Math.ceil(frames / size))) {
    for (let t = block * size; t < Math.min(frames, (block + 1) * size); t++) order.push(t);
  }
  return Int32Array.from(order);
}

/** The last frame first. */
export function reverse(frames: number): FrameOrder {
  return Int32Array.from({ length: frames }, (_, t) => frames - 1 - t);
}

/** One frame all the time. */
export function still(frames: number, frame: number): FrameOrder {
  return new Int32Array(frames).fill(frame);
}

/** The frame in the middle; the later one of two. */
export function middleFrame(frames: number): number {
  return Math.floor(frames / 2);
}

/** At most `count` frames evenly spread over the clip, each the middle of its part. */
export function spreadFrames(frames: number, count: number): number[] {
  const k = Math.min(frames, count);
  return Array.from({ length: k }, (_, i) => Math.floor(((i + 0.5) * frames) / k));
}

/** Every `step`-th frame, each shown `step` times, so that the clip keeps its length and its speed. */
export function subsample(frames: number, step: number): FrameOrder {
  return Int32Array.from({ length: frames }, (_, t) => t - (t % step));
}

/** D = (1/T) sum |order[t] - t|, in frames. */
export function displacement(order: FrameOrder): number {
  let sum = 0;
  order.forEach((from, t) => (sum += Math.abs(from - t)));
  return sum / order.length;
}

/** Expectation of D over all orders of T frames, (T^2 - 1) / 3T. */
export function expectedDisplacement(frames: number): number {
  return (frames * frames - 1) / (3 * frames);
}

/** Share of neighbouring positions that show a frame and its successor; 1 for a single frame. */
export function adjacencyKept(order: FrameOrder): number {
  if (order.length < 2) return 1;
  let kept = 0;
  for (let t = 1; t < order.length; t++) if (order[t]! - order[t - 1]! === 1) kept++;
  return kept / (order.length - 1);
}

/** Length in frames of the longest stretch whose frame numbers only rise or only fall. */
export function longestMonotoneRun(order: FrameOrder): number {
  let longest = 1;
  let run = 1;
  let direction = 0;
  for (let t = 1; t < order.length; t++) {
    const step = Math.sign(order[t]! - order[t - 1]!);
    if (step === 0) run = 1;
    else run = step === direction ? run + 1 : 2;
    direction = step;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** All measures of how much an order disturbs the clip. */
export function strengthOf(order: FrameOrder): Strength {
  return {
    displacement: displacement(order),
    expected: expectedDisplacement(order.length),
    adjacencyKept: adjacencyKept(order),
    longestRun: longestMonotoneRun(order),
  };
}
