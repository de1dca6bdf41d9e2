/** What the words of an audit's report mean, for people who read one. */

export const METHOD: readonly (readonly [term: string, words: string])[] = [
  [
    'Orders',
    'Frames are decoded once, in natural order, and permuted in memory; nothing is encoded again. All models are shown the ' +
      'same orders of a clip.',
  ],
  ['Flip rate', "Share of orders for which the answer is not the one that the model gives in the clip's own order."],
  [
    'Noise floor',
    "Flip rate in the clip's own order when the picture is moved by a pixel or two: what changes without any change of " +
      'order. The excess is the flip rate less the noise floor, clip by clip.',
  ],
  [
    'D',
    'Mean over the frames of how far a frame is from its own place. A uniformly random order of T frames has (T² − 1)/3T.',
  ],
  [
    'Intervals',
    'Bootstrap over clips - over groups of clips where they belong together - corrected for bias and skewness (BCa) and ' +
      'widened for few groups. By class: Wilson.',
  ],
  [
    'Score, d, d_z',
    "d is the class's pre-softmax score in order less its mean over other orders; the true class's, or for a clip without " +
      'one that of the class with the highest mean over all orders. d_z is the mean of d over its standard deviation.',
  ],
  [
    'Randomisation test',
    'If order does not matter, any of the R + 1 orders of a clip could have been its own. p is the share of random choices ' +
      'of which is its own that give a mean d as large; two-sided, never 0.',
  ],
  ['Jensen-Shannon', 'Divergence of the class probabilities from those in order, base 2: 0 for equal ones, at most 1.'],
  [
    'Verdict',
    'Sensitive: p < 0.05 and the lower bound of the excess is above 0. Insensitive: the one-sided 95 % upper bound of the ' +
      'excess is below delta, a claim of equivalence. Inconclusive: neither. Not significant is not the same as insensitive.',
  ],
  [
    'Appearance, set, order',
    'With c for chance: (accuracy of the middle frame − c), (accuracy shuffled − accuracy of the middle frame) and ' +
      '(accuracy − accuracy shuffled), each over (accuracy − c).',
  ],
];
