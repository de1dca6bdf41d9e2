/** Charts of points with intervals, over numbers or over names, in one panel or several; drawn by echarts. */
import { drawChart, FAINT, FONT_FAMILY, GREY, INK, LINE, roundEnds, tickLabel, type Plot } from '../video/index.js';

export type Symbol = 'circle' | 'square' | 'diamond' | 'triangle';

export interface IntervalPoint {
  readonly x: number;
  readonly y: number;
  /** Ends of the interval; absent: none is drawn. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** A word beside the point. */
  readonly label?: string | undefined;
  /** Side of the point on which the word stands; default `above`. */
  readonly side?: 'above' | 'right' | 'below' | 'left' | undefined;
}

export interface IntervalSeries {
  readonly name: string;
  readonly colour: string;
  readonly symbol: Symbol;
  /** Whether a line joins the points. */
  readonly joined?: boolean | undefined;
  /** Whether the symbols are outlines only. */
  readonly hollow?: boolean | undefined;
  readonly points: readonly IntervalPoint[];
}

export interface PanelAxis {
  readonly name: string;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A horizontal (vertical, over names) line or band across a panel. */
export interface Level {
  readonly name: string;
  readonly low: number;
  /** Absent: a line at `low`. */
  readonly high?: number | undefined;
  readonly colour: string;
}

export interface Panel {
  readonly title?: string | undefined;
  readonly x: PanelAxis;
  readonly y: PanelAxis;
  readonly series: readonly IntervalSeries[];
  readonly levels?: readonly Level[] | undefined;
}

export interface PanelChart {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly panels: readonly Panel[];
  /** Panels beside each other; default 1. */
  readonly columns?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** Names of things with one row each; a series has one value, or none, for each of them. */
export interface RowChart {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly x: PanelAxis;
  readonly rows: readonly string[];
  readonly series: readonly RowSeries[];
  readonly levels?: readonly Level[] | undefined;
  /** Draws bars from 0 instead of points. */
  readonly bars?: boolean | undefined;
  readonly width?: number | undefined;
}

export interface RowSeries {
  readonly name: string;
  readonly colour: string;
  readonly symbol: Symbol;
  readonly hollow?: boolean | undefined;
  readonly values: readonly ((Omit<IntervalPoint, 'x' | 'y'> & { readonly value: number }) | null)[];
}

const TEXT = { fontFamily: FONT_FAMILY, color: INK };
const HEAD = 20;
/** Height of a line of the legend, pixels. */
const LEGEND_LINE = 31;
const ICONS = { circle: 'circle', square: 'rect', diamond: 'diamond', triangle: 'triangle' } as const;

interface RenderApi {
  value(dimension: number): number;
  coord(at: readonly number[]): [number, number];
  size(extent: readonly number[]): [number, number];
}
type Shape = Record<string, unknown>;

/** Title, subtitle and legend; returns the pixels that they take from the top. */
function headOf(
  { title, subtitle }: { readonly title: string; readonly subtitle?: string | undefined },
  legend: readonly Shape[],
  width: number,
): { option: Shape; top: number } {
  const legendTop = subtitle ? 66 : 46;
  const widths = legend.map(({ name }) => 37 + String(name).length * 6.9);
  let lines = legend.length === 0 ? 0 : 1;
  let used = 0;
  for (const one of widths) {
    if (used > 0 && used + one > width - 2 * HEAD) {
      lines++;
      used = 0;
    }
    used += one;
  }
  return {
    option: {
      animation: false,
      backgroundColor: '#ffffff',
      textStyle: TEXT,
      title: {
        ...{ text: title, subtext: subtitle, left: HEAD, top: 14, padding: 0, itemGap: 8 },
        textStyle: { ...TEXT, fontSize: 17, fontWeight: 'bold' },
        subtextStyle: { ...TEXT, color: GREY, fontSize: 12 },
      },
      legend: {
        ...{ left: HEAD, right: HEAD, top: legendTop, itemGap: 20, itemWidth: 11, itemHeight: 11, padding: 0 },
        ...{ selectedMode: false, textStyle: { ...TEXT, fontSize: 12 }, data: legend },
      },
    },
    top: legendTop + (lines === 0 ? 8 : lines * LEGEND_LINE + 6),
  };
}

/** Entries of a legend: each name once. */
function legendOf(series: readonly IntervalSeries[], levels: readonly Level[]): Shape[] {
  const seen = new Set<string>();
  const once = (name: string): boolean => !seen.has(name) && Boolean(seen.add(name));
  return [
    ...series
      .filter(({ name }) => once(name))
      .map(({ name, colour, symbol, hollow }) => ({
        ...{ name, icon: ICONS[symbol] },
        itemStyle: hollow ? { color: '#ffffff', borderColor: colour, borderWidth: 2 } : { color: colour },
      })),
    ...levels
      .filter(({ name }) => once(name))
      .map(({ name, high, colour }) => ({
        ...{ name, icon: high === undefined ? 'path://M0 4h11v2h-11z' : 'rect' },
        itemStyle: { color: colour, opacity: high === undefined ? 1 : 0.3 },
      })),
  ];
}

/** Draws panels of points over numbers. The same chart gives the same bytes. */
export async function panelChart(chart: PanelChart): Promise<Plot> {
  const { panels, columns = 1, width = 900 } = chart;
  const rows = Math.ceil(panels.length / columns);
  const all = panels.flatMap(({ series }) => series);
  const levels = panels.flatMap((panel) => panel.levels ?? []);
  const head = headOf(chart, legendOf(all, levels), width);
  const height = chart.height ?? head.top + rows * (columns > 1 ? 260 : 400);
  const cell = { width: width / columns, height: (height - head.top) / rows };
  const places = panels.map((panel, i) => ({
    left: (i % columns) * cell.width + 76,
    top: head.top + Math.floor(i / columns) * cell.height + (panel.title ? 26 : 4),
    width: cell.width - 76 - 24,
    height: cell.height - (panel.title ? 26 : 4) - 58,
  }));
  const titles = panels.flatMap(({ title }, i) =>
    title
      ? [
          {
            text: title,
            left: places[i]!.left,
            top: places[i]!.top - 24,
            textStyle: { ...TEXT, fontSize: 13 },
            padding: 0,
          },
        ]
      : [],
  );
  return drawChart(
    {
      ...head.option,
      title: [head.option['title'], ...titles],
      grid: places,
      xAxis: panels.map((panel, i) => numberAxis(panel.x, valuesOf(panel, 'x'), i, 32)),
      yAxis: panels.map((panel, i) => numberAxis(panel.y, valuesOf(panel, 'y'), i, 52)),
      series: panels.flatMap((panel, i) => [
        ...(panel.levels ?? []).map((level) => levelSeries(level, i, 'y')),
        ...panel.series.flatMap((series) => pointSeries(series, i)),
      ]),
    },
    width,
    height,
  );
}

function valuesOf({ series, levels = [] }: Panel, of: 'x' | 'y'): number[] {
  const points = series.flatMap((one) => one.points);
  if (of === 'x') return points.map(({ x }) => x);
  return [
    ...points.flatMap(({ y, low = y, high = y }) => [y, low, high]),
    ...levels.flatMap(({ low, high = low }) => [low, high]),
  ];
}

function numberAxis({ name, min, max }: PanelAxis, values: number[], gridIndex: number, nameGap: number): Shape {
  const ends = roundEnds(values, min, max);
  return {
    ...{ type: 'value', name, nameLocation: 'middle', nameGap, gridIndex },
    nameTextStyle: { fontFamily: FONT_FAMILY, fontSize: 12.5, color: INK },
    ...{ min: ends.low, max: ends.high, interval: ends.step },
    axisLabel: { fontFamily: FONT_FAMILY, fontSize: 11.5, color: GREY, formatter: tickLabel },
    axisLine: { show: true, onZero: false, lineStyle: { color: LINE } },
    axisTick: { show: true, lineStyle: { color: LINE } },
    splitLine: { lineStyle: { color: FAINT } },
  };
}

function levelSeries({ name, low, high, colour }: Level, grid: number, along: 'x' | 'y'): Shape {
  const key = along === 'y' ? 'yAxis' : 'xAxis';
  const common = {
    ...{ type: 'line', name, data: [], symbol: 'none', xAxisIndex: grid, yAxisIndex: grid, z: 1 },
    itemStyle: { color: colour },
  };
  if (high !== undefined) {
    const itemStyle = { color: colour, opacity: 0.22 };
    return { ...common, markArea: { silent: true, itemStyle, data: [[{ [key]: low }, { [key]: high }]] } };
  }
  const lineStyle = { color: colour, width: 1.4, type: [6, 4] };
  return {
    ...common,
    markLine: { silent: true, symbol: 'none', label: { show: false }, lineStyle, data: [{ [key]: low }] },
  };
}

function pointSeries({ name, colour, symbol, joined, hollow, points }: IntervalSeries, grid: number): Shape[] {
  const place = { name, xAxisIndex: grid, yAxisIndex: grid };
  const line = {
    ...{ type: 'line', symbol: 'none', silent: true, z: 2, data: points.map(({ x, y }) => [x, y]) },
    ...{ itemStyle: { color: colour }, lineStyle: { color: colour, width: 1.5, opacity: 0.55 } },
  };
  const marks = {
    ...{ type: 'custom', z: 3, encode: { x: 0, y: 1 }, itemStyle: { color: colour } },
    data: points.map(({ x, y, low = y, high = y }) => [x, y, low, high]),
    renderItem(params: { dataIndex: number }, api: RenderApi) {
      const [x, y, low, high] = [0, 1, 2, 3].map((d) => api.value(d)) as [number, number, number, number];
      const at = api.coord([x, y]);
      const ends = [api.coord([x, low]), api.coord([x, high])] as const;
      return {
        type: 'group',
        children: [
          ...(low === high ? [] : whisker(ends[0], ends[1], colour)),
          mark(symbol, at, colour, hollow),
          ...wordOf(points[params.dataIndex]!, at, ends[1][1], ends[0][1]),
        ],
      };
    },
  };
  return [...(joined ? [{ ...place, ...line }] : []), { ...place, ...marks }];
}

type At = readonly [x: number, y: number];

/** A line with caps, upright or lying. */
function whisker(from: At, to: At, colour: string): Shape[] {
  const style = { stroke: colour, lineWidth: 1.4 };
  const upright = from[0] === to[0];
  const cap = ([x, y]: At): Shape => {
    const [dx, dy] = upright ? [4, 0] : [0, 4];
    return { type: 'line', shape: { x1: x - dx, y1: y - dy, x2: x + dx, y2: y + dy }, style };
  };
  return [{ type: 'line', shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style }, cap(from), cap(to)];
}

function mark(symbol: Symbol, [x, y]: At, colour: string, hollow = false): Shape {
  const style = hollow ? { fill: '#ffffff', stroke: colour, lineWidth: 2 } : { fill: colour };
  switch (symbol) {
    case 'circle':
      return { type: 'circle', shape: { cx: x, cy: y, r: 4.6 }, style };
    case 'square':
      return { type: 'rect', shape: { x: x - 4.2, y: y - 4.2, width: 8.4, height: 8.4 }, style };
    case 'diamond':
      return { type: 'polygon', shape: { points: polygon(x, y, [0, -6.4, 6.4, 0, 0, 6.4, -6.4, 0]) }, style };
    case 'triangle':
      return { type: 'polygon', shape: { points: polygon(x, y, [0, -6.2, 5.8, 4.6, -5.8, 4.6]) }, style };
  }
}

function polygon(x: number, y: number, offsets: readonly number[]): At[] {
  return Array.from({ length: offsets.length / 2 }, (_, i) => [x + offsets[2 * i]!, y + offsets[2 * i + 1]!]);
}

function wordOf({ label, side = 'above' }: IntervalPoint, [x, y]: At, top: number, bottom: number): Shape[] {
  if (label === undefined) return [];
  const places = {
    above: { x, y: top - 6, textAlign: 'center', textVerticalAlign: 'bottom' },
    below: { x, y: bottom + 7, textAlign: 'center', textVerticalAlign: 'top' },
    right: { x: x + 10, y, textAlign: 'left', textVerticalAlign: 'middle' },
    left: { x: x - 10, y, textAlign: 'right', textVerticalAlign: 'middle' },
  } as const;
  return [text(label, places[side])];
}

function text(words: string, place: Shape, colour = GREY, size = 11): Shape {
  return { type: 'text', style: { text: words, fontFamily: FONT_FAMILY, fontSize: size, fill: colour, ...place } };
}

const ROW = 26;

/** Draws a row of points (or bars) for each name. The same chart gives the same bytes. */
export async function rowChart(chart: RowChart): Promise<Plot> {
  const { rows, series, levels = [], bars = false, width = 900 } = chart;
  const shown = series.map(({ values, ...rest }): IntervalSeries => ({ ...rest, points: pointsOf(values) }));
  const head = headOf(chart, series.length + levels.length > 1 ? legendOf(shown, levels) : [], width);
  const pitch = Math.max(ROW, series.length * (bars ? 18 : 13) + 10);
  const height = Math.min(4000, head.top + rows.length * pitch + 66);
  const longest = Math.max(...rows.map((row) => row.length));
  const left = Math.min(320, 30 + longest * 6.9);
  const numbers = [
    ...shown.flatMap(({ points }) => points.flatMap(({ x, low = x, high = x }) => [x, low, high])),
    ...levels.flatMap(({ low, high = low }) => [low, high]),
    ...(bars ? [0] : []),
  ];
  return drawChart(
    {
      ...head.option,
      grid: { left, right: 70, top: head.top, height: rows.length * pitch },
      xAxis: numberAxis(chart.x, numbers, 0, 32),
      yAxis: namesAxis(rows),
      series: [
        ...levels.map((level) => levelSeries(level, 0, 'x')),
        ...shown.map((one, s) => rowSeries(one, (s - (shown.length - 1) / 2) * (bars ? 18 : 13), bars)),
      ],
    },
    width,
    Math.max(200, Math.ceil(height)),
  );
}

function pointsOf(values: RowSeries['values']): IntervalPoint[] {
  return values.flatMap((one, row) => {
    if (one === null) return [];
    const { value, ...rest } = one;
    return [{ ...rest, x: value, y: row }];
  });
}

function namesAxis(names: readonly string[]): Shape {
  return {
    ...{ type: 'category', data: [...names], inverse: true },
    axisLabel: { fontFamily: FONT_FAMILY, fontSize: 12, color: INK, interval: 0 },
    axisLine: { show: true, onZero: false, lineStyle: { color: LINE } },
    axisTick: { show: false },
  };
}

/** @param offset pixels by which the series stands below the middle of a row */
function rowSeries({ name, colour, symbol, hollow, points }: IntervalSeries, offset: number, bars: boolean): Shape {
  return {
    ...{ type: 'custom', name, z: 3, encode: { x: 0, y: 1 }, itemStyle: { color: colour } },
    data: points.map(({ x, y, low = x, high = x }) => [x, y, low, high]),
    renderItem(params: { dataIndex: number }, api: RenderApi) {
      const [x, row, low, high] = [0, 1, 2, 3].map((d) => api.value(d)) as [number, number, number, number];
      const place = (value: number): At => {
        const [px, py] = api.coord([value, row]);
        return [px, py + offset];
      };
      const [at, zero, from, to] = [place(x), place(0), place(low), place(high)];
      const bar = { x: Math.min(zero[0], at[0]), y: at[1] - 7, width: Math.abs(at[0] - zero[0]), height: 14 };
      const { label } = points[params.dataIndex]!;
      return {
        type: 'group',
        children: [
          ...(bars ? [{ type: 'rect', shape: bar, style: { fill: colour, opacity: 0.55 } }] : []),
          ...(low === high ? [] : whisker(from, to, bars ? INK : colour)),
          ...(bars ? [] : [mark(symbol, at, colour, hollow)]),
          ...(label === undefined
            ? []
            : [
                text(label, {
                  x: Math.max(at[0], to[0], bars ? zero[0] : 0) + 9,
                  y: at[1],
                  textAlign: 'left',
                  textVerticalAlign: 'middle',
                }),
              ]),
        ],
      };
    },
  };
}

export interface CellChart {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly x: string;
  readonly y: string;
  /** 0 to 1, [rows, columns]; null for nothing. */
  readonly cells: readonly (readonly (number | null)[])[];
  /** Words in a cell; default per cent. */
  readonly words?: ((value: number) => string) | undefined;
  /** Cells with a frame around them. */
  readonly framed?: ((row: number, column: number) => boolean) | undefined;
  readonly colour: string;
}

/** Draws a table of shares as cells, the darker the larger. */
export async function cellChart(chart: CellChart): Promise<Plot> {
  const { rows, columns, cells, colour } = chart;
  const words = chart.words ?? ((value: number): string => (100 * value).toFixed(0));
  const head = headOf(chart, [], 900);
  const longest = (names: readonly string[]): number => Math.max(...names.map((name) => name.length));
  const side = Math.max(26, Math.min(44, 700 / columns.length));
  const [left, bottom] = [40 + longest(rows) * 7, 44 + longest(columns) * 5.6];
  // As wide as the title and as other charts, so that a page shows its text at the size of theirs.
  const width = Math.round(Math.max(900, left + columns.length * side + 40));
  const height = Math.round(head.top + rows.length * Math.min(34, side) + bottom);
  const style = { fontFamily: FONT_FAMILY, fontSize: 11.5, color: INK, interval: 0 };
  const axis = { axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false } };
  const named = { nameTextStyle: { fontFamily: FONT_FAMILY, fontSize: 12.5, color: GREY }, nameLocation: 'middle' };
  const data = cells.flatMap((line, r) => line.flatMap((value, c) => (value === null ? [] : [[c, r, value]])));
  return drawChart(
    {
      ...head.option,
      grid: { left, top: head.top, width: columns.length * side, height: rows.length * Math.min(34, side) },
      xAxis: {
        ...{ type: 'category', data: [...columns], name: chart.x, nameGap: bottom - 26, ...axis, ...named },
        axisLabel: { ...style, rotate: 45 },
      },
      yAxis: {
        ...{ type: 'category', data: [...rows], inverse: true, name: chart.y, nameGap: left - 22, ...axis, ...named },
        axisLabel: style,
      },
      series: [
        {
          ...{ type: 'custom', data, encode: { x: 0, y: 1 } },
          renderItem(_: unknown, api: RenderApi) {
            const [c, r, value] = [0, 1, 2].map((d) => api.value(d)) as [number, number, number];
            const [x, y] = api.coord([c, r]);
            const [w, h] = api.size([1, 1]);
            const frame = chart.framed?.(r, c) ?? false;
            const shape = { x: x - w / 2 + 1, y: y - h / 2 + 1, width: w - 2, height: h - 2 };
            const ink = value > 0.55 ? '#ffffff' : INK;
            return {
              type: 'group',
              children: [
                {
                  type: 'rect',
                  shape,
                  style: { fill: '#f5f7fa', stroke: frame ? INK : 'none', lineWidth: frame ? 1.4 : 0 },
                },
                { type: 'rect', shape, style: { fill: colour, opacity: 0.06 + 0.9 * value } },
                ...(value > 0
                  ? [text(words(value), { x, y, textAlign: 'center', textVerticalAlign: 'middle' }, ink)]
                  : []),
              ],
            };
          },
        },
      ],
    },
    width,
    Math.max(200, height),
  );
}
