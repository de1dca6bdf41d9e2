/**
 * Preferred videos under audit: does the activation that a video was made for depend on the order of its frames, and does
 * the video, played backwards, please the unit of the time-reversed action?
 */
import type { SynthesisedResult } from '../../protocol/audit-report.js';
import { Random } from '../random.js';
import type { AuditedModel } from './audit.js';
import type { ClipFrames } from './clip-source.js';
import { asShare } from './observe.js';
import { inOrder, reverse, shuffle, type FrameOrder } from './permutations.js';
import { scoreOrders } from './scorer.js';
import { argmax, quantileOfSorted } from './statistics.js';
import { percent, probability } from './words.js';

export interface SynthesisedVideo extends ClipFrames {
  readonly name: string;
  /** The unit that it was made for. */
  readonly unit: number;
  /** Activations of real clips of the unit's class, where they are known. */
  readonly real?: readonly number[] | undefined;
}

/** Orders that a preferred video is shown in at least: there is one video, and no clips to take a mean over. */
const LEAST_ORDERS = 999;

interface Seen {
  readonly logits: Float32Array;
  readonly probabilities: Float32Array;
}

/**
 * @param permutations R, random orders of the whole video; at least 999 are taken
 * @throws {NeuroreelError} SCORES_INVALID; the signal's reason when aborted
 */
export async function examineSynthesised(
  video: SynthesisedVideo,
  { scorer, labels, partners = {}, name: model }: AuditedModel,
  {
    permutations,
    seed,
    signal,
  }: { readonly permutations: number; readonly seed: number; readonly signal?: AbortSignal | undefined },
): Promise<SynthesisedResult> {
  const { name, frames, unit, real = [] } = video;
  const count = Math.max(LEAST_ORDERS, permutations);
  const features = await scorer.features(video.pixels);
  const random = new Random(`${seed}/synthesised/${name}`);
  const orders = function* (): Generator<readonly ['own' | 'reversed' | 'shuffled', FrameOrder]> {
    yield ['own', inOrder(frames)];
    yield ['reversed', reverse(frames)];
    for (let r = 0; r < count; r++) yield ['shuffled', shuffle(frames, random)];
  };
  const shuffled = new Shuffles(unit);
  let [own, reversed]: (Seen | null)[] = [null, null];
  for await (const { of, logits, probabilities } of scoreOrders(scorer, video, features, orders(), signal)) {
    if (of === 'own') own = { logits: logits.slice(), probabilities: probabilities.slice() };
    else if (of === 'reversed') reversed = { logits: logits.slice(), probabilities: probabilities.slice() };
    else shuffled.add(logits, probabilities, own!);
  }
  const partner = labels.indexOf(partners[labels[unit]!] ?? '');
  const at = ({ logits, probabilities }: Seen, which: number) => ({
    activation: logits[which]!,
    probability: asShare(probabilities[which]!),
  });
  const answer = ({ probabilities }: Seen): string => labels[argmax(probabilities)]!;
  const result: Omit<SynthesisedResult, 'sentence'> = {
    name,
    model,
    unit: { index: unit, label: labels[unit]! },
    frames,
    orders: count,
    inOrder: { ...at(own!, unit), answer: answer(own!) },
    shuffled: shuffled.result(own!.logits[unit]!),
    reversed: { ...at(reversed!, unit), answer: answer(reversed!) },
    partner:
      partner < 0 ? null : { label: labels[partner]!, inOrder: at(own!, partner), reversed: at(reversed!, partner) },
    real: real.length === 0 ? null : { mean: real.reduce((a, b) => a + b, 0) / real.length, clips: real.length },
  };
  return { ...result, sentence: sentenceOf(result) };
}

/** Sums up the shuffled orders: 4 bytes each. */
class Shuffles {
  readonly #unit: number;
  readonly #activations: number[] = [];
  #probability = 0;
  #flips = 0;

  constructor(unit: number) {
    this.#unit = unit;
  }

  add(logits: Float32Array, probabilities: Float32Array, own: Seen): void {
    this.#activations.push(logits[this.#unit]!);
    this.#probability += probabilities[this.#unit]!;
    if (argmax(probabilities) !== argmax(own.probabilities)) this.#flips++;
  }

  result(own: number): SynthesisedResult['shuffled'] {
    const sorted = Float64Array.from(this.#activations).sort();
    const count = sorted.length;
    const asMuch = this.#activations.filter((activation) => activation >= own).length;
    return {
      activation: {
        value: sorted.reduce((a, b) => a + b, 0) / count,
        low: quantileOfSorted(sorted, 0.025),
        high: quantileOfSorted(sorted, 0.975),
      },
      probability: asShare(this.#probability / count),
      flipRate: this.#flips / count,
      p: (1 + asMuch) / (count + 1),
    };
  }
}

function sentenceOf({
  name,
  unit,
  orders,
  inOrder: own,
  shuffled,
  reversed,
  partner,
}: Omit<SynthesisedResult, 'sentence'>) {
  const { value, low, high } = shuffled.activation;
  const depends = shuffled.p < 0.05 ? 'depends on' : 'does not depend on';
  const back =
    partner === null
      ? `backwards it is ${reversed.activation.toFixed(2)} and the answer ${reversed.answer}`
      : `backwards it is ${reversed.activation.toFixed(2)}, and that of its partner ${partner.label} goes from ` +
        `${partner.inOrder.activation.toFixed(2)} to ${partner.reversed.activation.toFixed(2)}; the answer is ${reversed.answer}`;
  return (
    `${name}: the activation of ${unit.label} ${depends} the order of frames: ${own.activation.toFixed(2)} in order, ` +
    `${value.toFixed(2)} shuffled (95 % of ${orders} orders: ${low.toFixed(2)} to ${high.toFixed(2)}; p = ` +
    `${probability(shuffled.p)}), the answer changes in ${percent(shuffled.flipRate)}; ${back}.`
  );
}
