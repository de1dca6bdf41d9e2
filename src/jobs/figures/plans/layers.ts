/** Units of hidden layers. */
import type { ModelRegistry } from '../../../engine/models/registry.js';
import { NeuroreelError } from '../../../protocol/index.js';
import { refuse, requestOf, unitsOf, type FigureOptions, type FigurePlan } from '../plan.js';
import { made, modelOf, priorOf, wordsOf } from './common.js';

/**
 * A row a layer, a column a unit: each at the size of what it sees. Layers that only pool the one before are shown when they
 * are asked for.
 */
export function layers(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const model = modelOf(options, registry);
  const known = model.layers.map(({ name }) => name);
  const asked = options.layers ?? model.layers.flatMap(({ name, pools }) => (pools ? [] : [name]));
  for (const layer of asked) {
    if (known.includes(layer)) continue;
    const there = known.join(', ') || 'none of a recogniser';
    throw new NeuroreelError('UNIT_UNKNOWN', `${model.name} has no layer "${layer}"; there are: ${there}.`);
  }
  if (asked.length === 0) refuse(`${model.name} has no hidden layers to show.`);
  const prior = priorOf(options, model);
  const columns = options.units?.length ?? options.starts ?? 6;
  return {
    title: `Units of the layers of ${model.name}`,
    subtitle: `Each at the size of its receptive field; ${wordsOf(options, prior)}`,
    footer: 'Below hidden units: their value before the ReLU. A unit that stays below 0 does not fire.',
    rows: asked.map((layer) => (layer === 'logits' ? 'labels' : layer)),
    panels: asked.map((layer) => {
      const { units } = model.layers.find(({ name }) => name === layer)!;
      const labels = layer === 'logits' && options.units === undefined ? unitsOf(model, undefined, columns) : null;
      return Array.from({ length: columns }, (_, i) => {
        const unit = labels ? labels[i] : (options.units?.[i] ?? Math.floor((i * units) / columns));
        if (unit === undefined || (typeof unit === 'number' && unit >= units)) return null;
        const request = requestOf(model, unit, options, {
          ...(layer !== 'logits' && { layer }),
          prior: prior ?? undefined,
        });
        return made(request, 0, layer === 'logits' ? undefined : `unit ${unit}`);
      });
    }),
  };
}
