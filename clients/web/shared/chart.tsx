/** Line charts: axes with names, levels to compare with, the values under the pointer; drawn by uPlot. */
import { effect, type ReadonlySignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { colour, DARK } from './colour.js';
import { short } from './words.js';

export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Name of a colour of tokens.css, `accent` when absent. */
  readonly colour?: string;
  /** Filled below; of the first line when absent. */
  readonly area?: boolean;
  readonly dash?: readonly number[];
}

export interface Level {
  readonly name: string;
  readonly value: number;
}

export interface ChartProps {
  readonly title: string;
  /** Names of what the axes show. */
  readonly xName: string;
  readonly yName: string;
  readonly x: readonly number[];
  readonly lines: readonly Line[];
  readonly levels?: readonly Level[];
  /** Ends of the horizontal axis; those of the data when absent. */
  readonly xRange?: readonly [number, number];
  /** What is said while there is nothing to draw. */
  readonly none: string;
  readonly height?: number;
  readonly id?: string;
  /** A place on the horizontal axis that is marked, as that of a player; it may change often. */
  readonly mark?: ReadonlySignal<number>;
  /** Called with a place on the horizontal axis that was clicked. */
  readonly onPick?: (x: number) => void;
}

/** What a chart shows, in a sentence for those who do not see it. */
function description({ title, xName, x, lines, none, levels = [] }: ChartProps): string {
  if (x.length === 0) return none;
  const told = lines.map(({ name, values }) => {
    const known = values.flatMap((value, index) => (value === null ? [] : [[x[index]!, value] as const]));
    const [first, last] = [known[0], known.at(-1)];
    if (first === undefined || last === undefined) return `${name}: nothing yet`;
    return `${name} from ${short(first[1])} at ${xName} ${short(first[0])} to ${short(last[1])} at ${xName} ${short(last[0])}`;
  });
  return [`${title}: ${told.join('; ')}`, ...levels.map(({ name, value }) => `${name} ${short(value)}`)].join('; ');
}

/** Draws the levels as dashed lines with their names. */
function drawLevels(plot: uPlot, levels: readonly Level[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour('good');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  for (const { name, value } of levels) {
    const at = plot.valToPos(value, 'y', true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, at);
    ctx.lineTo(bbox.left + bbox.width, at);
    ctx.stroke();
    ctx.fillText(`${name} ${short(value)}`, bbox.left + 4 * devicePixelRatio, at - 5 * devicePixelRatio);
  }
  ctx.restore();
}

function series({ lines }: ChartProps): uPlot.Series[] {
  return [
    {},
    ...lines.map(({ name, colour: wanted = 'accent', area, dash }, index): uPlot.Series => {
      const filled = area ?? index === 0;
      return {
        label: name,
        width: 2,
        stroke: () => colour(wanted),
        ...(filled && { fill: () => colour(wanted, 10) }),
        ...(dash !== undefined && { dash: [...dash] }),
        points: { show: (_, __, from, to) => to - from < 2, size: 7 },
      };
    }),
  ];
}

function options(props: ChartProps, width: number, latest: () => ChartProps, pointed: (index: number | null) => void) {
  const axis = (label: string, size: number): uPlot.Axis => ({
    label,
    labelSize: 20,
    labelGap: 2,
    size,
    stroke: () => colour('quiet'),
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { show: false },
    values: (_, values) => values.map((value) => (value === null ? '' : short(value))),
  });
  const { x, y } = {
    x: { ...axis(props.xName, 30), grid: { show: false } },
    y: axis(props.yName, 48),
  };
  return {
    width,
    height: props.height ?? 230,
    padding: [12, 12, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 8 } },
    scales: {
      x: { time: false, range: (_, low, high) => [...(latest().xRange ?? [low, Math.max(high, low + 1)])] },
      y: { range: (_, low, high) => rangeOf(low, high, latest().levels) },
    },
    axes: [x, y],
    series: series(props),
    hooks: {
      draw: [(plot) => drawLevels(plot, latest().levels ?? [])],
      setCursor: [(plot) => pointed(plot.cursor.idx ?? null)],
    },
  } satisfies uPlot.Options as uPlot.Options;
}

/** A line at the marked place, moved without drawing the chart anew. The function that is returned ends it. */
function followMark(plot: uPlot, mark: ReadonlySignal<number>): () => void {
  const line = Object.assign(document.createElement('div'), { className: 'chart-mark' });
  plot.over.append(line);
  const move = (): void => void (line.style.transform = `translateX(${plot.valToPos(mark.value, 'x')}px)`);
  plot.hooks.setSize = [...(plot.hooks.setSize ?? []), move];
  return effect(move);
}

function followClicks(plot: uPlot, latest: () => ChartProps): void {
  plot.over.addEventListener('click', ({ offsetX }) => latest().onPick?.(plot.posToVal(offsetX, 'x')));
}

/** Zero and the levels are always in sight. */
function rangeOf(low: number | null, high: number | null, levels: readonly Level[] = []): [number, number] {
  const values = [0, low ?? 0, high ?? 1, ...levels.map(({ value }) => value)];
  const [bottom, top] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(1e-6, (top - bottom) * 0.08);
  return [bottom < 0 ? bottom - room : bottom, top + room];
}

const dataOf = ({ x, lines }: ChartProps): uPlot.AlignedData =>
  [x, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;

/** What is under the pointer. */
function readout({ xName, x, lines }: ChartProps, index: number | null): string {
  if (index === null || x[index] === undefined) return '';
  const values = lines.flatMap(({ name, values: of }) => {
    const value = of[index];
    return value == null ? [] : [lines.length === 1 ? short(value) : `${name} ${short(value)}`];
  });
  return `${xName} ${short(x[index])}: ${values.join(', ')}`;
}

export function LineChart(props: ChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [pointed, setPointed] = useState<number | null>(null);
  const empty = props.x.length === 0;
  const shape = `${empty}|${props.xName}|${props.yName}|${props.lines.map(({ name, colour: c }) => `${name}${c ?? ''}`).join()}`;

  useEffect(() => {
    const element = box.current;
    if (element === null || empty) return undefined;
    const width = (): number => Math.max(120, element.clientWidth);
    const made = new uPlot(
      options(latest.current, width(), () => latest.current, setPointed),
      dataOf(latest.current),
      element,
    );
    plot.current = made;
    const unmark = props.mark === undefined ? undefined : followMark(made, props.mark);
    if (props.onPick !== undefined) followClicks(made, () => latest.current);
    const resized = new ResizeObserver(() => made.setSize({ width: width(), height: latest.current.height ?? 230 }));
    resized.observe(element);
    const redraw = (): void => made.redraw(false, true);
    DARK.addEventListener('change', redraw);
    return () => {
      unmark?.();
      DARK.removeEventListener('change', redraw);
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(
    () => plot.current?.setData(dataOf(props)),
    [props.x, ...props.lines.map(({ values }) => values), props.levels, props.xRange?.join()],
  );

  return (
    <figure class="chart">
      <figcaption>
        <span>{props.title}</span>
        <span class="readout number">{readout(props, pointed)}</span>
      </figcaption>
      <div
        id={props.id}
        class="chart-box"
        ref={box}
        role="img"
        aria-label={description(props)}
        style={{ minHeight: `${props.height ?? 230}px` }}
      >
        {empty && <p class="chart-empty">{props.none}</p>}
      </div>
    </figure>
  );
}
