/**
 * One clock for several videos: it runs, and the videos follow. A video that is shorter than the longest holds its last frame
 * until all begin again.
 */
import { computed, signal } from '@preact/signals';

/** Videos may be so far from the clock, in seconds, before they are set right. */
const MOST_DRIFT = 0.06;
/** A tab that was in the background does not make up for it. */
const MOST_TICK = 0.25;
/** Just before its end a video still shows its last frame. */
const END = 0.001;
const DEFAULT_FRAME = 1 / 25;

interface Follower {
  readonly video: HTMLVideoElement;
  /** Seconds; 0 until it is known. */
  duration: number;
}

export class Clock {
  /** Seconds since the start. */
  readonly position = signal(0);
  readonly playing = signal(!window.matchMedia('(prefers-reduced-motion: reduce)').matches);
  readonly loop = signal(true);
  readonly speed = signal(1);
  /** Seconds of the longest video. */
  readonly duration = computed(() => Math.max(0, ...this.#durations.value.values()));
  /** Seconds of a frame, for steps. */
  frame = DEFAULT_FRAME;
  readonly #durations = signal<ReadonlyMap<string, number>>(new Map());
  readonly #followers = new Map<string, Follower>();
  #last = 0;
  #request = 0;

  /** Starts; the function that is returned stops it for good. */
  open(): () => void {
    const tick = (now: number): void => {
      this.#tick(now);
      this.#request = requestAnimationFrame(tick);
    };
    this.#request = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(this.#request);
  }

  /** A video follows under a name until the function that is returned is called. */
  follow(name: string, video: HTMLVideoElement): () => void {
    const follower: Follower = { video, duration: 0 };
    const known = (): void => {
      if (!Number.isFinite(video.duration)) return;
      follower.duration = video.duration;
      this.#durations.value = new Map(this.#durations.value).set(name, video.duration);
      this.#place(follower);
    };
    this.#followers.set(name, follower);
    video.addEventListener('loadedmetadata', known);
    if (video.readyState > 0) known();
    return () => {
      video.removeEventListener('loadedmetadata', known);
      this.#followers.delete(name);
      const left = new Map(this.#durations.value);
      left.delete(name);
      this.#durations.value = left;
    };
  }

  /** @param seconds within the longest video */
  seek(seconds: number): void {
    this.position.value = Math.min(Math.max(0, seconds), this.duration.value);
    for (const follower of this.#followers.values()) this.#place(follower);
  }

  /** Holds, and goes so many frames on. */
  step(frames: number): void {
    this.playing.value = false;
    this.seek((Math.round(this.position.value / this.frame) + frames) * this.frame);
  }

  toggle(): void {
    if (!this.playing.value && this.position.value >= this.duration.value - END) this.seek(0);
    this.playing.value = !this.playing.value;
  }

  #tick(now: number): void {
    const seconds = Math.min(MOST_TICK, (now - this.#last) / 1000);
    this.#last = now;
    const duration = this.duration.value;
    if (this.playing.value && duration > 0) this.#advance(seconds * this.speed.value, duration);
    for (const follower of this.#followers.values()) this.#lead(follower);
  }

  #advance(seconds: number, duration: number): void {
    const next = this.position.value + seconds;
    if (next < duration) this.position.value = next;
    else if (this.loop.value) this.position.value = next % duration;
    else {
      this.position.value = duration;
      this.playing.value = false;
    }
  }

  /** Where the video has to be. */
  #target({ duration }: Follower): number {
    return Math.min(this.position.value, Math.max(0, duration - END));
  }

  #lead(follower: Follower): void {
    const { video, duration } = follower;
    if (duration === 0) return;
    const target = this.#target(follower);
    const runs = this.playing.value && target < duration - END;
    if (video.playbackRate !== this.speed.value) video.playbackRate = this.speed.value;
    // A video that may not play yet is tried again at the next tick.
    if (runs && video.paused) video.play().catch(() => undefined);
    if (!runs && !video.paused) video.pause();
    const most = runs ? MOST_DRIFT * Math.max(1, this.speed.value) : END;
    if (!video.seeking && Math.abs(video.currentTime - target) > most) video.currentTime = target;
  }

  #place(follower: Follower): void {
    if (follower.duration > 0) follower.video.currentTime = this.#target(follower);
  }
}
