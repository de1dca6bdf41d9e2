/** The layers of a model: what each gives, weighs, costs and sees of the picture. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { LayerFacts, ModelLayers } from '../../../src/protocol/models.js';
import { call } from '../shared/api.js';
import { Notice } from '../shared/notice.js';
import { Table } from '../shared/table.js';
import { failureOf, reportFailure, type Failure } from '../shared/trouble.js';
import { amount } from './amount.js';

type Field = NonNullable<LayerFacts['receptiveField']>;
type Box = Pick<Field, 'size' | 'offset'>;

const sizeWords = ({ size }: Box): string => `${size[0]} × ${size[1]}`;
const placeWords = ({ offset }: Box): string => `from ${offset[0]}, ${offset[1]}`;

/** Size and place; what of it lies in the picture, if that is not all. */
function fieldWords(field: Field | null): ComponentChildren {
  if (field === null) return '–';
  const whole = sizeWords(field) === sizeWords(field.clipped) && placeWords(field) === placeWords(field.clipped);
  return (
    <>
      {sizeWords(field)}
      <small>{placeWords(field)}</small>
      {!whole && <small>in sight {sizeWords(field.clipped)}</small>}
    </>
  );
}

const COLUMNS = [
  { name: 'layer' },
  { name: 'made of' },
  { name: 'output', number: true },
  { name: 'weights', number: true },
  { name: 'MACs', number: true },
  { name: 'receptive field', number: true },
];

function GraphTable({ graph }: { readonly graph: ModelLayers['graphs'][number] }): JSX.Element {
  const ends = graph.inputs.map(({ name, shape }) => `${name} ${shape.join(' × ')}`).join(', ');
  return (
    <Table
      caption={`Layers: ${graph.name}, from ${ends}`}
      columns={COLUMNS}
      rows={[
        ...graph.layers.map((layer) => [
          <code>{layer.name}</code>,
          layer.type ?? (layer.ops.join(' + ') || '–'),
          layer.shape.join(' × '),
          amount(layer.weights),
          amount(layer.macs),
          fieldWords(layer.receptiveField),
        ]),
        [<strong>in all</strong>, '', '', amount(graph.weights), amount(graph.macs), ''],
      ]}
    />
  );
}

/** The layers as the server tells them; reading a large model takes a while the first time. */
export function LayerTable({
  model,
  sha256,
}: {
  readonly model: string;
  readonly sha256: string | undefined;
}): JSX.Element {
  const layers = useSignal<ModelLayers | null>(null);
  const failure = useSignal<Failure | null>(null);
  useEffect(() => {
    let wanted = true;
    layers.value = null;
    failure.value = null;
    call<ModelLayers>('GET', `v1/models/${encodeURIComponent(model)}/layers`).then(
      (found) => void (wanted && (layers.value = found)),
      (error: unknown) => {
        if (!wanted) return;
        failure.value = failureOf(error);
        reportFailure(error, { shownInPlace: true });
      },
    );
    return () => void (wanted = false);
  }, [model, sha256]);
  const found = layers.value;
  return (
    <section aria-labelledby="layers-title">
      <h3 id="layers-title">Layers</h3>
      {failure.value !== null && <Notice error={failure.value} />}
      {found === null && failure.value === null && <p class="quiet">Reading the model</p>}
      {found !== null && (
        <>
          <p class="quiet">
            {amount(found.totals.weights)} weights, {amount(found.totals.macs)} multiply-accumulates a {found.per},
            sizes in pixels; the receptive field is that of the unit in the middle.
          </p>
          {found.graphs.map((graph) => (
            <GraphTable key={graph.name} graph={graph} />
          ))}
        </>
      )}
    </section>
  );
}
