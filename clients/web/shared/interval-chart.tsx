/** Estimates with their intervals against a quantity, in several series; drawn by uPlot. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { colour, DARK } from './colour.js';
import { short } from './words.js';

export interface IntervalPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  /** What it is, for people. */
  readonly name: string;
}

export interface IntervalSeries {
  readonly name: string;
  /** Name of a colour of tokens.css. */
  readonly colour: string;
  /** Whether its points are one after another, and joined by a line. */
  readonly joined: boolean;
  readonly points: readonly IntervalPoint[];
}

/** A value to compare with, or a range of values. */
export interface ReferenceBand {
  readonly name: string;
  readonly low: number;
  readonly high?: number;
  readonly colour: string;
}

interface IntervalChartProps {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly series: readonly IntervalSeries[];
  readonly bands?: readonly ReferenceBand[];
  /** Upper end of the vertical axis; that of the data when absent. */
  readonly yMax?: number;
  readonly height?: number;
  readonly id?: string;
}

const CAP = 4;
const POINT = 4;

/** All places on the horizontal axis, and the values of each series there. */
function aligned(series: readonly IntervalSeries[]): uPlot.AlignedData {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const rows = series.map(({ points }) => {
    const at = new Map(points.map((point) => [point.x, point.y]));
    return xs.map((x) => at.get(x) ?? null);
  });
  return [xs, ...rows];
}

function drawBands(plot: uPlot, bands: readonly ReferenceBand[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const { low, high, colour: name } of bands) {
    const [bottom, top] = [plot.valToPos(low, 'y', true), plot.valToPos(high ?? low, 'y', true)];
    ctx.fillStyle = colour(name, 22);
    ctx.strokeStyle = colour(name);
    if (high === undefined) {
      ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(bbox.left, bottom);
      ctx.lineTo(bbox.left + bbox.width, bottom);
      ctx.stroke();
    } else ctx.fillRect(bbox.left, top, bbox.width, Math.max(2 * devicePixelRatio, bottom - top));
  }
  ctx.restore();
}

/** The intervals as bars with caps, and the points over them. */
function drawIntervals(plot: uPlot, series: readonly IntervalSeries[]): void {
  const { ctx } = plot;
  const [cap, radius] = [CAP * devicePixelRatio, POINT * devicePixelRatio];
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { points, colour: name } of series) {
    ctx.strokeStyle = colour(name);
    ctx.fillStyle = colour(name);
    for (const point of points) {
      const x = plot.valToPos(point.x, 'x', true);
      const [y, low, high] = [point.y, point.low, point.high].map((value) => plot.valToPos(value, 'y', true)) as [number, number, number]; // prettier-ignore
      ctx.beginPath();
      ctx.moveTo(x, low);
      ctx.lineTo(x, high);
      for (const end of [low, high]) {
        ctx.moveTo(x - cap, end);
        ctx.lineTo(x + cap, end);
      }
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
      ctx.fill();
    }
  }
  ctx.restore();
}

/** Zero, all intervals and all bands are in sight. */
function ceilingOf({ series, bands = [], yMax }: IntervalChartProps): number {
  if (yMax !== undefined) return yMax;
  const values = [...series.flatMap(({ points }) => points.map(({ high }) => high)), ...bands.map(({ low, high }) => high ?? low)]; // prettier-ignore
  return Math.max(1e-6, ...values) * 1.08;
}

function options(
  props: IntervalChartProps,
  width: number,
  latest: () => IntervalChartProps,
  pointed: (index: number | null) => void,
): uPlot.Options {
  // prettier-ignore
  const axis = (label: string, size: number, grid: boolean): uPlot.Axis => ({
    ...{ label, labelSize: 20, labelGap: 2, size },
    stroke: () => colour('quiet'),
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    grid: grid ? { stroke: () => colour('line'), width: 1 } : { show: false },
    ticks: { show: false },
    values: (_, values) => values.map((value) => (value === null ? '' : short(value))),
  });
  return {
    width,
    height: props.height ?? 280,
    padding: [12, 16, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    scales: {
      x: { time: false, range: (_, low, high) => [Math.min(0, low), Math.max(high, low + 1) * 1.04] },
      y: { range: () => [0, ceilingOf(latest())] },
    },
    axes: [axis(props.xName, 30, false), axis(props.yName, 48, true)],
    series: [
      {},
      ...props.series.map(({ name, colour: wanted, joined }): uPlot.Series => ({
        label: name,
        width: joined ? 2 : 0,
        spanGaps: true,
        stroke: () => colour(wanted),
        points: { show: false },
      })),
    ],
    hooks: {
      drawClear: [],
      drawAxes: [(plot) => drawBands(plot, latest().bands ?? [])],
      draw: [(plot) => drawIntervals(plot, latest().series)],
      setCursor: [(plot) => pointed(plot.cursor.idx ?? null)],
    },
  };
}

const pointWords = ({ name, y, low, high }: IntervalPoint): string =>
  `${name}: ${short(y)} (${short(low)} to ${short(high)})`;

/** What is under the pointer. */
function readout({ series }: IntervalChartProps, x: number | undefined): string {
  if (x === undefined) return '';
  return series
    .flatMap(({ points }) => points.filter((point) => point.x === x))
    .map(pointWords)
    .join(', ');
}

/** What a chart shows, for those who do not see it. */
function description({ title, series, bands = [] }: IntervalChartProps): string {
  const told = series.flatMap(({ points }) => points.map(pointWords));
  const levels = bands.map(
    ({ name, low, high }) => `${name} ${short(low)}${high === undefined ? '' : ` to ${short(high)}`}`,
  );
  return `${title}: ${[...told, ...levels].join('; ')}`;
}

function Legend({ series, bands = [] }: IntervalChartProps): JSX.Element {
  const entry = (name: string, of: string, kind: string): JSX.Element => (
    <li key={name}>
      <span class={`legend-mark ${kind}`} style={{ color: `var(--${of})` }} aria-hidden="true" />
      {name}
    </li>
  );
  return (
    <ul class="legend">
      {series.map(({ name, colour: of, joined }) => entry(name, of, joined ? 'joined' : 'point'))}
      {bands.map(({ name, colour: of, high }) => entry(name, of, high === undefined ? 'dashed' : 'band'))}
    </ul>
  );
}

export function IntervalChart(props: IntervalChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [pointed, setPointed] = useState<number | null>(null);
  const height = props.height ?? 280;
  const data = aligned(props.series);
  const shape = JSON.stringify([props.series, props.bands, props.yMax]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const width = (): number => Math.max(120, element.clientWidth);
    const made = new uPlot(
      options(latest.current, width(), () => latest.current, setPointed),
      data,
      element,
    );
    const resized = new ResizeObserver(() => made.setSize({ width: width(), height }));
    resized.observe(element);
    const redraw = (): void => made.redraw(false, true);
    DARK.addEventListener('change', redraw);
    return () => {
      DARK.removeEventListener('change', redraw);
      resized.disconnect();
      made.destroy();
    };
  }, [shape, height]);
  return (
    <figure class="chart">
      <figcaption>
        <span>{props.title}</span>
        <span class="readout number">{readout(props, pointed === null ? undefined : data[0][pointed])}</span>
      </figcaption>
      <div
        id={props.id}
        class="chart-box"
        ref={box}
        role="img"
        aria-label={description(props)}
        style={{ minHeight: `${height}px` }}
      />
      <Legend {...props} />
    </figure>
  );
}
