/** Line plots with reference lines and bands, as SVG and PNG, drawn by echarts without a browser. */
// All of echarts in one file: its modules, one by one, take eight times as long to load.
import * as echarts from 'echarts/dist/echarts.esm.min.mjs';
import { FONT_FAMILY, renderSvg } from './svg.js';

// Without a canvas echarts guesses widths for a narrower font than DejaVu Sans, and its legends run together. It takes
// the width of a wide character for the height of a line.
echarts.setPlatformAPI({
  measureText(text, font = '') {
    const size = Number(/([\d.]+)px/.exec(font)?.[1] ?? 12);
    const narrow = font.includes('bold') ? 0.65 : 0.57;
    return { width: Array.from(text).reduce((sum, c) => sum + size * (c > '\u2e80' ? 1 : narrow), 0) };
  },
});

export interface PlotAxis {
  readonly name: string;
  /** Printed after the name in brackets. */
  readonly unit?: string;
  /** Ends of the axis; default: round numbers around the data, the bands and the reference lines. */
  readonly min?: number;
  readonly max?: number;
}

export interface PlotSeries {
  readonly name: string;
  /** Same length as `y`; default 0, 1, 2, ... */
  readonly x?: ArrayLike<number>;
  /** Values that are not finite leave a gap. */
  readonly y: ArrayLike<number>;
  /** Any CSS colour; default the next of the palette. */
  readonly colour?: string;
  readonly dashed?: boolean;
}

/** A horizontal line across the plot. */
export interface PlotReference {
  readonly name: string;
  readonly value: number;
  readonly colour?: string;
}

/** A horizontal band across the plot. */
export interface PlotBand {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly colour?: string;
}

export interface PlotSpec {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly PlotSeries[];
  readonly references?: readonly PlotReference[];
  readonly bands?: readonly PlotBand[];
  /** Pixels, 200 to 4000. Default 900 x 500. */
  readonly width?: number;
  readonly height?: number;
}

export interface Plot {
  readonly svg: string;
  readonly png: Buffer;
}

export const INK = '#101828';
export const GREY = '#667085';
export const FAINT = '#eaecf0';
export const LINE = '#98a2b3';
/** Distinct in hue and in lightness, so that they stay apart without colour vision. */
export const PALETTE = ['#1f5fbf', '#d9730d', '#2b8a5f', '#a63d8f', '#7a5c2e', '#3aa0c9'];
const BAND = '#98a2b3';

/**
 * Draws a plot. The same specification gives the same bytes.
 * @throws RangeError for a size out of range, or a series whose x and y differ in length.
 */
export async function renderPlot(spec: PlotSpec): Promise<Plot> {
  const { width = 900, height = 500 } = spec;
  return drawChart(optionOf(spec), width, height);
}

/**
 * Draws a chart described in the words of echarts (lines and custom series are there). The same option gives the same
 * bytes.
 * @throws RangeError for a size out of 200 to 4000 pixels.
 */
export async function drawChart(
  option: Readonly<Record<string, unknown>>,
  width: number,
  height: number,
): Promise<Plot> {
  for (const size of [width, height]) {
    if (!Number.isInteger(size) || size < 200 || size > 4000)
      throw new RangeError(`A plot cannot be ${width} x ${height}.`);
  }
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ ...option });
    const svg = still(chart.renderToSVGString());
    return { svg, png: (await renderSvg(svg)).png() };
  } finally {
    chart.dispose();
  }
}

/**
 * An SVG of echarts without what only a live chart needs: styles for a mouse, marks of its own, and ids that count all
 * charts the process has drawn.
 */
function still(svg: string): string {
  return svg
    .replace(/<style >.*?<\/style>\s*/gs, '')
    .replace(/ (?:class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="visible")/g, '')
    .replace(/\bzr\d+-/g, 'zr-');
}

/** The specification in the words of echarts. */
function optionOf(spec: PlotSpec): Record<string, unknown> {
  const { title, subtitle, bands = [], references = [] } = spec;
  const text = { fontFamily: FONT_FAMILY, color: INK };
  const legendTop = subtitle ? 66 : 46;
  const numbers = (lists: Iterable<number>[]) => lists.flatMap((list) => [...list]);
  const xs = numbers(spec.series.map((series) => placesOf(series)));
  const ys = numbers([
    ...spec.series.map((series) => Array.from(series.y)),
    references.map((reference) => reference.value),
    bands.flatMap((band) => [band.low, band.high]),
  ]);
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: text,
    title: {
      ...{ text: title, subtext: subtitle, left: 20, top: 14, padding: 0, itemGap: 8 },
      textStyle: { ...text, fontSize: 17, fontWeight: 'bold' },
      subtextStyle: { ...text, color: GREY, fontSize: 12 },
    },
    legend: {
      ...{ left: 20, top: legendTop, itemGap: 24, itemWidth: 22, itemHeight: 10, padding: 0 },
      ...{ selectedMode: false, textStyle: { ...text, fontSize: 12 } },
      data: [
        ...[...spec.series, ...references].map(({ name }) => ({ name, itemStyle: { opacity: 0 } })),
        ...bands.map(({ name }) => ({ name, icon: 'rect' })),
      ],
    },
    grid: { left: 84, right: 28, top: legendTop + 34, bottom: 62 },
    xAxis: axis(spec.x, xs, 36),
    yAxis: axis(spec.y, ys, 58),
    series: [
      ...bands.map(bandSeries),
      ...references.map(referenceSeries),
      ...spec.series.map((series, i) => lineSeries(series, PALETTE[i % PALETTE.length]!)),
    ],
  };
}

function axis({ name, unit, min, max }: PlotAxis, values: number[], nameGap: number): object {
  const { low, high, step } = roundEnds(values, min, max);
  return {
    ...{ type: 'value', name: unit ? `${name} (${unit})` : name, nameLocation: 'middle', nameGap },
    nameTextStyle: { fontFamily: FONT_FAMILY, fontSize: 13, color: INK },
    ...{ min: low, max: high, interval: step },
    axisLabel: { fontFamily: FONT_FAMILY, fontSize: 12, color: GREY, formatter: tickLabel },
    axisLine: { show: true, onZero: false, lineStyle: { color: LINE } },
    axisTick: { show: true, lineStyle: { color: LINE } },
    splitLine: { lineStyle: { color: FAINT } },
  };
}

/** Ends of an axis at multiples of a round step (1, 2 or 5 times a power of ten), at most eight steps in all. */
export function roundEnds(values: number[], min?: number, max?: number): { low: number; high: number; step: number } {
  const finite = values.filter(Number.isFinite);
  let low = min ?? finite.reduce((a, b) => Math.min(a, b), Infinity);
  let high = max ?? finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = [min ?? 0, max ?? (min ?? 0) + 1];
  if (low >= high) [low, high] = [min ?? low - (Math.abs(low) || 1) / 2, max ?? high + (Math.abs(high) || 1) / 2];
  const power = 10 ** Math.floor(Math.log10((high - low) / 8));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power * 8 >= high - low)!;
  return { low: min ?? Math.floor(low / step) * step, high: max ?? Math.ceil(high / step) * step, step };
}

/** A number without the noise of binary fractions, with a proper minus sign. */
export function tickLabel(value: number): string {
  const text = Math.abs(value) >= 1e6 ? value.toExponential(1) : String(Number(value.toPrecision(8)));
  return text.replace(/^-/, '\u2212');
}

function placesOf({ name, x, y }: PlotSeries): number[] {
  if (x && x.length !== y.length) throw new RangeError(`Series ${name} has ${x.length} x and ${y.length} y.`);
  return Array.from(x ?? { length: y.length }, (value, i) => (x ? value : i));
}

function lineSeries(series: PlotSeries, next: string): object {
  const colour = series.colour ?? next;
  const places = placesOf(series);
  return {
    ...{ type: 'line', name: series.name, symbol: places.length > 1 ? 'none' : 'circle', symbolSize: 7, z: 3 },
    data: places.map((x, i) => [x, Number.isFinite(series.y[i]) ? series.y[i] : null]),
    itemStyle: { color: colour },
    lineStyle: { color: colour, width: 2.2, cap: 'round', join: 'round', type: series.dashed ? 'dashed' : 'solid' },
  };
}

function referenceSeries({ name, value, colour = GREY }: PlotReference): object {
  const lineStyle = { color: colour, width: 1.6, type: [6, 4] };
  return {
    ...{ type: 'line', name, data: [], symbol: 'none', itemStyle: { color: colour }, lineStyle, z: 2 },
    markLine: { silent: true, symbol: 'none', label: { show: false }, lineStyle, data: [{ yAxis: value }] },
  };
}

function bandSeries({ name, low, high, colour = BAND }: PlotBand): object {
  const itemStyle = { color: colour, opacity: 0.28 };
  return {
    ...{ type: 'line', name, data: [], symbol: 'none', itemStyle, z: 1 },
    markArea: { silent: true, itemStyle, data: [[{ yAxis: low }, { yAxis: high }]] },
  };
}

export interface ActivationPlotSpec {
  /** What the unit stands for, e.g. `walk (unit 3)`. */
  readonly unit: string;
  /** Name of the model, for the subtitle. */
  readonly model?: string;
  /** Activation of the unit at each iteration. */
  readonly activations: ArrayLike<number>;
  /** The iterations' numbers, when they are not 0, 1, 2, ... */
  readonly iterations?: ArrayLike<number>;
  /** The unit's activation for real clips of its class, for comparison: one number a clip. */
  readonly realClips?: ArrayLike<number>;
  /** Name of the vertical axis. Default `activation`. */
  readonly quantity?: string;
  readonly width?: number;
  readonly height?: number;
}

/** How the activation rose, beside what real clips of the class reach: their median and the band from 5 to 95 %. */
export async function activationPlot(spec: ActivationPlotSpec): Promise<Plot> {
  const { unit, model, activations, iterations, realClips, quantity = 'activation', width, height } = spec;
  const real = realClips && realClips.length > 0 ? realClips : null;
  const clips = real?.length === 1 ? '1 real clip' : `${real?.length} real clips`;
  const last = activations[activations.length - 1];
  const reached = last === undefined ? '' : `reached ${tickLabel(Number(last.toPrecision(4)))}`;
  const share = real && real.length > 1 && last !== undefined ? percentileOf(real, last) : null;
  const above = share === null ? '' : `, above ${share === 100 ? 'all' : `${share.toFixed(0)} % of`} ${clips}`;
  return renderPlot({
    title: `Activation of ${unit}`,
    subtitle: [model, `${reached}${above}`].filter(Boolean).join(' \u00b7 ') || undefined,
    x: { name: 'iteration' },
    y: { name: quantity },
    series: [{ name: 'synthesised video', x: iterations, y: activations }],
    references: real ? [{ name: `median of ${clips}`, value: quantile(real, 0.5) }] : [],
    bands:
      real && real.length > 1
        ? [{ name: '5 to 95 % of them', low: quantile(real, 0.05), high: quantile(real, 0.95) }]
        : [],
    width,
    height,
  });
}

/** Quantile (0 to 1) with linear interpolation between the two nearest values (type 7 of Hyndman and Fan, 1996). */
export function quantile(values: ArrayLike<number>, fraction: number): number {
  if (values.length === 0) throw new RangeError('There is no quantile of no values.');
  const sorted = Float64Array.from(values).sort();
  const place = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
}

/** Per cent of the values that are below `value`. */
export function percentileOf(values: ArrayLike<number>, value: number): number {
  const below = Array.from(values).filter((v) => v < value).length;
  return (100 * below) / values.length;
}
