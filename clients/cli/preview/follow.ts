/** Brings the frames of a job that runs in this process to its preview. */
import type { EncodedView, FrameBus } from '../../../src/jobs/frame-bus.js';
import type { Preview } from './preview.js';

const picture = ({ bytes, width, height, frame }: EncodedView) => ({ pixels: bytes, width: width * frame, height });

/**
 * Shows the newest frames of a job now and then, until it is told to stop.
 * @param frame size of a frame in pixels
 */
export function followFrames(
  bus: FrameBus,
  job: string,
  frame: { readonly width: number; readonly height: number },
  preview: Preview,
): () => void {
  let fresh = false;
  const view = preview.viewFor(frame);
  const watch = bus.watch(job, view, () => (fresh = true));
  const timer = setInterval(
    () => {
      if (!fresh) return;
      fresh = false;
      // A picture that cannot be made is none that is missed.
      watch.fetch()?.then(
        (encoded) => preview.show(picture(encoded)),
        () => undefined,
      );
    },
    1000 / (view.maxFps ?? 1),
  );
  return () => {
    clearInterval(timer);
    watch.close();
  };
}
