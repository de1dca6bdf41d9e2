/** Units of hidden layers. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import { generatorPrior } from '../../../engine/models/prior.js';
import { isWithoutGenerator, NeuroreelError } from '../../../protocol/index.js';
import { refuse, requestOf, unitsOf, type FigureOptions, type FigurePlan } from '../plan.js';
import { made, modelOf, priorOf, wordsOf } from './common.js';

/** Length of the first step as a share of the range of the prior's codes: a step of 2.4 for the paper's fc6. */
const STEP = 0.2;
const ITERATIONS = 80;
/** Around pictures whose own edge may be white. */
const HAIRLINE = '#d0d5dd';

/**
 * How hidden units are driven: by the paper's rule, which goes by the direction of a gradient and not by its size, since units
 * of early layers give little; with steps on the scale of the prior's codes.
 */
function driven(options: FigureOptions, prior: string | null, registry: ModelRegistry): FigureOptions {
  if (options.preset !== undefined || isWithoutGenerator(prior)) return options;
  const { upper } = generatorPrior(registry.loadPrior(prior)).statistics;
  const range = upper.reduce((sum, bound) => sum + bound, 0) / upper.length;
  return {
    ...options,
    preset: 'figure-s14',
    iterations: options.iterations ?? ITERATIONS,
    settings: { optimiser: { rule: 'paper', start: STEP * range }, ...options.settings },
  };
}

/**
 * A row a layer, a column a unit: each at the size of what it sees. Layers that only pool the one before are shown when they
 * are asked for.
 */
export function layers(asked: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(asked, registry);
  const prior = priorOf(asked, model);
  const options = driven(asked, prior, registry);
  const known = model.layers.map(({ name }) => name);
  const shown = options.layers ?? model.layers.flatMap(({ name, pools }) => (pools ? [] : [name]));
  for (const layer of shown) {
    if (known.includes(layer)) continue;
    const there = known.join(', ') || 'none of a recogniser';
    throw new NeuroreelError('UNIT_UNKNOWN', `${model.name} has no layer "${layer}"; there are: ${there}.`);
  }
  if (shown.length === 0) refuse(`${model.name} has no hidden layers to show.`);
  const columns = options.units?.length ?? options.starts ?? 1;
  return {
    title: `Units of the layers of ${model.name}`,
    subtitle: `Each at the size of its receptive field; ${wordsOf(options, prior)}`,
    footer: 'Below hidden units: their value before the ReLU. A unit that stays below 0 does not fire.',
    rows: shown.map((layer) => (layer === 'logits' ? 'labels' : layer)),
    panels: shown.map((layer) => {
      const { units } = model.layers.find(({ name }) => name === layer)!;
      const labels = layer === 'logits' && options.units === undefined ? unitsOf(model, undefined, columns) : null;
      return Array.from({ length: columns }, (_, i) => {
        const unit = labels ? labels[i] : (options.units?.[i] ?? Math.floor((i * units) / columns));
        if (unit === undefined || (typeof unit === 'number' && unit >= units)) return null;
        const request = requestOf(model, unit, options, {
          ...(layer !== 'logits' && { layer }),
          prior: prior ?? undefined,
        });
        return layer === 'logits' ? made(request) : { ...made(request, 0, `unit ${unit}`), frame: HAIRLINE };
      });
    }),
  };
}
