/**
 * Brings the newest frames of each job to those who watch it. Nothing queues up here: the bus keeps the newest
 * sequence of a job, tells its watchers that there is something new, and they fetch the picture when they have room
 * for it. A picture is encoded once for all who want the same view, and not at all when nobody fetches it.
 */
import type { FrameCodec, FrameKind, FrameView } from '../protocol/index.js';
import { framePicture, sheetPicture, stripPicture, type FrameSet, type PictureOptions } from './pictures.js';

/** Frames a second of view `play` when the viewer names no number. */
export const PLAY_FPS = 12;

/** Frames in view `strip` when the viewer names no number. */
export const STRIP_FRAMES = 8;

/** A picture with what its header says. */
export interface EncodedView {
  readonly kind: FrameKind;
  readonly codec: FrameCodec;
  readonly bytes: Uint8Array;
  /** Index of the frame; for a sheet or strip, its number of columns. */
  readonly frame: number;
  /** Size of one frame or tile in pixels. */
  readonly width: number;
  readonly height: number;
  readonly step: number;
  readonly activation: number;
  readonly microseconds: number;
}

/** What a viewer holds of a view. */
export interface Watch {
  /** The newest picture, encoded at most once for all watchers; null when the job has shown nothing yet. */
  fetch(): Promise<EncodedView> | null;
  /** Ends the watch. */
  close(): void;
}

interface Timers {
  every(milliseconds: number, action: () => void): () => void;
}

const systemTimers: Timers = {
  every(milliseconds, action) {
    const timer = setInterval(action, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Told of each picture that was encoded, with the seconds that it took. */
export type OnEncoded = (format: FrameCodec, seconds: number) => void;

/** One view of one job, shared by all who watch it. */
class SharedView {
  readonly view: FrameView;
  readonly #listeners = new Set<() => void>();
  readonly #timers: Timers;
  readonly #onEncoded: OnEncoded;
  #set: FrameSet | null;
  #cached: Promise<EncodedView> | null = null;
  #playIndex = 0;
  #stopPlaying: (() => void) | null = null;

  constructor(view: FrameView, set: FrameSet | null, timers: Timers, onEncoded: OnEncoded) {
    this.view = view;
    this.#set = set;
    this.#timers = timers;
    this.#onEncoded = onEncoded;
    this.#playWhenPossible();
  }

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: () => void): void {
    this.#listeners.add(listener);
    if (this.#set !== null) listener();
  }

  remove(listener: () => void): void {
    this.#listeners.delete(listener);
    if (!this.watched) this.stop();
  }

  stop(): void {
    this.#stopPlaying?.();
    this.#stopPlaying = null;
  }

  show(set: FrameSet): void {
    const first = this.#set === null;
    this.#set = set;
    // A playing view has its own clock, and takes the new pixels at its next tick.
    if (this.view.view === 'play' && !first) return;
    this.#changed();
    this.#playWhenPossible();
  }

  fetch(): Promise<EncodedView> | null {
    if (this.#set === null) return null;
    this.#cached ??= this.#encode(this.#set);
    return this.#cached;
  }

  #playWhenPossible(): void {
    if (this.view.view !== 'play' || this.#set === null || this.#stopPlaying !== null) return;
    this.#stopPlaying = this.#timers.every(1000 / (this.view.maxFps ?? PLAY_FPS), () => {
      this.#playIndex = (this.#playIndex + 1) % (this.#set?.frames ?? 1);
      this.#changed();
    });
  }

  #changed(): void {
    this.#cached = null;
    for (const listener of this.#listeners) listener();
  }

  async #encode(set: FrameSet): Promise<EncodedView> {
    const { step, activation, microseconds } = set;
    const codec = this.view.format;
    const started = performance.now();
    const picture = await this.#picture(set, this.view);
    this.#onEncoded(codec, (performance.now() - started) / 1000);
    return { codec, ...picture, step, activation, microseconds };
  }

  async #picture(
    set: FrameSet,
    options: PictureOptions,
  ): Promise<Pick<EncodedView, 'kind' | 'frame' | 'bytes' | 'width' | 'height'>> {
    const { view, index, count } = this.view;
    if (view === 'sheet' || view === 'strip') {
      const { columns, ...picture } =
        view === 'sheet' ? await sheetPicture(set, options) : await stripPicture(set, count ?? STRIP_FRAMES, options);
      return { kind: view, frame: columns, ...picture };
    }
    const frame = Math.min(view === 'play' ? this.#playIndex : (index ?? 0), set.frames - 1);
    return { kind: 'frame', frame, ...(await framePicture(set, frame, options)) };
  }
}

/** Viewers with the same key share their pictures. The rate of `frame` and `sheet` is each viewer's own affair. */
function viewKey({ view, index, count, maxFps, format, quality, width }: FrameView): string {
  return JSON.stringify([
    view,
    view === 'frame' ? (index ?? 0) : null,
    view === 'strip' ? (count ?? STRIP_FRAMES) : null,
    view === 'play' ? (maxFps ?? PLAY_FPS) : null,
    format,
    format === 'jpeg' || format === 'webp' ? quality : null,
    width,
  ]);
}

interface Channel {
  newest: FrameSet | null;
  readonly views: Map<string, SharedView>;
}

export class FrameBus {
  readonly #channels = new Map<string, Channel>();
  readonly #onWatched: (job: string, watched: boolean) => void;
  readonly #timers: Timers;
  /** For measurements. */
  onEncoded: OnEncoded = () => undefined;

  /** @param onWatched told when a job gets its first watcher and when it loses its last */
  constructor(onWatched: (job: string, watched: boolean) => void = () => undefined, timers: Timers = systemTimers) {
    this.#onWatched = onWatched;
    this.#timers = timers;
  }

  isWatched(job: string): boolean {
    return (this.#channels.get(job)?.views.size ?? 0) > 0;
  }

  /** Makes a sequence the newest of its job. */
  publish(job: string, set: FrameSet): void {
    const channel = this.#channel(job);
    channel.newest = set;
    for (const view of channel.views.values()) view.show(set);
  }

  /** Forgets the frames of a job that has ended. Pictures that are being encoded still reach their viewers. */
  end(job: string): void {
    const channel = this.#channels.get(job);
    if (channel === undefined) return;
    this.#channels.delete(job);
    for (const view of channel.views.values()) view.stop();
  }

  /** Watches a view of a job; `onNew` is called (at once, if there is a picture already) whenever it has changed. */
  watch(job: string, view: FrameView, onNew: () => void): Watch {
    const channel = this.#channel(job);
    const key = viewKey(view);
    const wasWatched = channel.views.size > 0;
    let shared = channel.views.get(key);
    if (shared === undefined) {
      shared = new SharedView(view, channel.newest, this.#timers, (format, seconds) => this.onEncoded(format, seconds));
      channel.views.set(key, shared);
    }
    const mine = shared;
    // Its own function, so that the same callback can be used for two watches.
    const listener = (): void => onNew();
    if (!wasWatched) this.#onWatched(job, true);
    mine.add(listener);
    return {
      fetch: () => mine.fetch(),
      close: () => {
        mine.remove(listener);
        if (mine.watched || channel.views.get(key) !== mine) return;
        channel.views.delete(key);
        if (channel.views.size > 0 || this.#channels.get(job) !== channel) return;
        if (channel.newest === null) this.#channels.delete(job);
        this.#onWatched(job, false);
      },
    };
  }

  #channel(job: string): Channel {
    let channel = this.#channels.get(job);
    if (channel === undefined) {
      channel = { newest: null, views: new Map() };
      this.#channels.set(job, channel);
    }
    return channel;
  }
}
