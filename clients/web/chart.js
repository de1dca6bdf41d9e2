/** A curve over iterations: a small line chart in SVG with labelled axes, and a line for what real clips reach. */

const NAMESPACE = 'http://www.w3.org/2000/svg';
const MARGIN = { left: 46, right: 16, top: 14, bottom: 36 };
const HEIGHT = 220;
const MOST_POINTS = 1500;

function element(name, attributes, text) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** About `count` round numbers from low to high. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export const short = (value) => {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return Number(value.toFixed(size >= 100 ? 1 : 2)).toString();
};

export class Chart {
  #svg;
  #iterations = [];
  #activations = [];
  #total = 1;
  #real = null;
  #due = false;
  #words;

  /** @param words what the curve is of, and over what */
  constructor(svg, words = { quantity: 'activation', step: 'iteration', none: 'No activations', name: 'Activation' }) {
    this.#svg = svg;
    this.#words = words;
    new ResizeObserver(() => this.#schedule()).observe(svg);
  }

  /** Replaces everything: another job, or a snapshot after a reconnect. */
  reset({ iterations = [], activations = [] } = {}, total = 1) {
    this.#iterations = [...iterations];
    this.#activations = [...activations];
    this.#total = Math.max(1, total);
    this.#real = null;
    this.#schedule();
  }

  add(iteration, activation, total) {
    if (iteration <= (this.#iterations.at(-1) ?? 0)) return;
    this.#iterations.push(iteration);
    this.#activations.push(activation);
    this.#total = total;
    if (this.#iterations.length > MOST_POINTS) {
      const even = (_, i) => i % 2 === 0;
      this.#iterations = this.#iterations.filter(even);
      this.#activations = this.#activations.filter(even);
    }
    this.#schedule();
  }

  /** A level for comparison: the mean activation of real clips; null for none. */
  setReal(mean) {
    this.#real = mean;
    this.#schedule();
  }

  #schedule() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    const width = this.#svg.clientWidth;
    if (width === 0) return;
    if (this.#iterations.length === 0) {
      this.#drawNothing(width);
      return;
    }
    const values = this.#real === null ? this.#activations : [...this.#activations, this.#real];
    const low = Math.min(0, ...values);
    const high = Math.max(low + 1e-6, ...values);
    const pad = (high - low) * 0.06;
    const bottom = low < 0 ? low - pad : low;
    const top = high + pad;
    const last = Math.max(2, this.#total);
    const x = (n) => MARGIN.left + ((n - 1) / (last - 1)) * (width - MARGIN.left - MARGIN.right);
    const y = (v) => MARGIN.top + (1 - (v - bottom) / (top - bottom)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute('height', String(HEIGHT));
    this.#svg.setAttribute('aria-label', this.#description());
    this.#svg.replaceChildren(
      ...this.#axes(width, x, y, bottom, top, last),
      ...this.#level(width, y),
      ...this.#curve(x, y),
    );
  }

  #drawNothing(width) {
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute('aria-label', this.#description());
    const middle = { x: width / 2, y: HEIGHT / 2, 'text-anchor': 'middle' };
    this.#svg.replaceChildren(element('text', { class: 'axis-name', ...middle }, this.#description()));
  }

  *#axes(width, x, y, bottom, top, last) {
    for (const value of ticks(bottom, top, 4)) {
      yield element('line', { class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) });
      yield element('text', { class: 'tick', x: MARGIN.left - 8, y: y(value) + 4, 'text-anchor': 'end' }, short(value));
    }
    const floor = HEIGHT - MARGIN.bottom;
    yield element('line', { class: 'axis', x1: MARGIN.left, x2: width - MARGIN.right, y1: floor, y2: floor });
    const inside = ticks(1, last, width < 420 ? 3 : 5).filter((n) => n > last * 0.08 && n < last * 0.92);
    for (const n of [1, ...inside, last]) {
      yield element(
        'text',
        { class: 'tick', x: x(n), y: floor + 16, 'text-anchor': n === last ? 'end' : 'middle' },
        short(n),
      );
    }
    const middle = (MARGIN.left + width - MARGIN.right) / 2;
    yield element('text', { class: 'axis-name', x: middle, y: HEIGHT - 3, 'text-anchor': 'middle' }, this.#words.step);
    const height = (MARGIN.top + floor) / 2;
    const turned = `rotate(-90 11 ${height})`;
    yield element(
      'text',
      { class: 'axis-name', x: 11, y: height, 'text-anchor': 'middle', transform: turned },
      this.#words.quantity,
    );
  }

  *#level(width, y) {
    if (this.#real === null) return;
    const at = y(this.#real);
    yield element('line', { class: 'real', x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at });
    const text = `real clips ${short(this.#real)}`;
    yield element('text', { class: 'real-name', x: width - MARGIN.right, y: at - 5, 'text-anchor': 'end' }, text);
  }

  *#curve(x, y) {
    const points = this.#iterations.map((n, i) => [x(n), y(this.#activations[i])]);
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${px.toFixed(1)} ${py.toFixed(1)}`).join('');
    const floor = HEIGHT - MARGIN.bottom;
    const [endX, endY] = points.at(-1);
    yield element('path', {
      class: 'area',
      d: `${path}L${endX.toFixed(1)} ${floor}L${points[0][0].toFixed(1)} ${floor}Z`,
    });
    yield element('path', { class: 'line', d: path });
    yield element('circle', { class: 'end', cx: endX, cy: endY, r: 4 });
  }

  #description() {
    const count = this.#iterations.length;
    const { none, name, step } = this.#words;
    if (count === 0) return none;
    const from = short(this.#activations[0]);
    const to = short(this.#activations[count - 1]);
    return `${name} from ${from} at ${step} ${this.#iterations[0]} to ${to} at ${step} ${this.#iterations[count - 1]}`;
  }
}
