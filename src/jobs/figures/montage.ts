/** Pictures of some units from some starts, as a figure: what `neuroreel image` makes. */
import { plannedModel, requestOf, shortLabel, type FigureOptions, type FigurePlan, type PanelPlan } from './plan.js';
import { unitIndex, type ModelRegistry } from '../../engine/models/registry.js';
import { inRows } from '../../video/index.js';

/** One unit: its starts in a square. Several: a row each. Of hidden units, `layer` and `position` say where they are. */
export function montage(options: FigureOptions, registry: ModelRegistry): FigurePlan {
  const { layer, position, starts = 1 } = options;
  const model = plannedModel(registry, options.model ?? 'tiny-objects');
  const units = options.units ?? defaultUnit(registry, model.name, layer);
  const names = units.map((unit) =>
    layer === undefined ? labelOf(registry, model.name, unit) : `${layer} unit ${unit}`,
  );
  const panels = units.map((unit, u) => {
    const request = requestOf(model, unit, options, { starts, prior: options.priors?.[0], layer, position });
    return Array.from({ length: starts }, (_, start): PanelPlan => ({
      kind: 'made',
      request,
      start,
      label: names[u]!,
    }));
  });
  const one = units.length === 1;
  return {
    title: one ? `${names[0]} of ${model.name}` : `${units.length} units of ${model.name}`,
    subtitle: [
      ...(layer === undefined ? [] : [`layer ${layer}`]),
      `preset ${options.preset ?? 'default'}`,
      `${starts} ${starts === 1 ? 'start' : 'starts'}, seed ${options.seed ?? 1}`,
    ].join(', '),
    ...(!one && starts > 1 && { rows: names }),
    panels: one ? inRows(panels[0]!) : starts > 1 ? panels : inRows(panels.flat()),
  };
}

function defaultUnit(registry: ModelRegistry, name: string, layer: string | undefined): (string | number)[] {
  return [layer === undefined ? (registry.loadWithUnits(name).manifest.defaults.unit ?? 0) : 0];
}

function labelOf(registry: ModelRegistry, name: string, unit: string | number): string {
  const { manifest } = registry.loadWithUnits(name);
  return shortLabel(manifest.labels[unitIndex(manifest, unit)]!);
}
