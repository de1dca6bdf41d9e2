/** How often answers change against how strongly the order of frames is disturbed, with intervals. */
import type { JSX } from 'preact';
import type { AuditReport } from '../../../src/protocol/audit-report.js';
import { IntervalChart, type IntervalPoint, type IntervalSeries } from '../shared/interval-chart.js';

type ModelReport = AuditReport['models'][number];
type Condition = ModelReport['conditions'][number];

/** Conditions that differ in a size, and single ones. */
const FAMILIES: readonly {
  readonly name: string;
  readonly colour: string;
  readonly match: RegExp;
  readonly joined: boolean;
}[] = [
  { name: 'shuffled within windows', colour: 'accent', match: /^shuffle-window-\d+$/, joined: true },
  { name: 'blocks permuted', colour: 'good', match: /^permute-blocks-\d+$/, joined: true },
  { name: 'whole clip shuffled', colour: 'ink', match: /^shuffle$/, joined: false },
  { name: "shuffled within the recogniser's windows", colour: 'warn', match: /^shuffle-within-clip$/, joined: false },
  { name: 'reversed', colour: 'bad', match: /^reverse$/, joined: false },
];

const pointOf = ({ name, strength, flipRate }: Condition): IntervalPoint => ({
  ...{ name, x: strength.displacement },
  ...{ y: 100 * flipRate.value, low: 100 * flipRate.low, high: 100 * flipRate.high },
});

function seriesOf({ conditions }: ModelReport): IntervalSeries[] {
  return FAMILIES.flatMap(({ match, ...family }) => {
    const points = conditions.filter(({ name }) => match.test(name)).map(pointOf);
    return points.length === 0 ? [] : [{ ...family, points: points.toSorted((a, b) => a.x - b.x) }];
  });
}

interface StrengthChartsProps {
  readonly models: readonly ModelReport[];
  readonly delta: number;
}

/** One chart a model, on the same scale. */
export function StrengthCharts({ models, delta }: StrengthChartsProps): JSX.Element {
  const drawn = models.map((model) => ({ model, series: seriesOf(model) }));
  const highest = drawn.flatMap(({ model, series }) => [
    100 * (model.noiseFloor.value + delta),
    ...series.flatMap(({ points }) => points.map(({ high }) => high)),
  ]);
  const yMax = Math.min(100, Math.max(...highest) * 1.08);
  return (
    <section aria-labelledby="strength-title">
      <h3 id="strength-title">Flip rate against shuffle strength</h3>
      <div class="strength-charts">
        {drawn.map(({ model: { name, noiseFloor }, series }) => (
          <IntervalChart
            key={name}
            title={name}
            xName="shuffle strength D, frames"
            yName="flip rate, %"
            series={series}
            yMax={yMax}
            bands={[
              { name: 'noise floor, 95 %', low: 100 * noiseFloor.low, high: 100 * noiseFloor.high, colour: 'quiet' },
              {
                name: `noise floor + delta (${100 * delta} %)`,
                low: 100 * (noiseFloor.value + delta),
                colour: 'quiet',
              },
            ]}
          />
        ))}
      </div>
    </section>
  );
}
