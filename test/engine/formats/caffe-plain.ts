/**
 * Caffe's layers written down plainly in float64, one loop a sum, after the definitions of the layers and without the
 * engine: what the importer's graphs are held against.
 */
export interface Plain {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, dim) => n * dim, 1);

/** A tensor made element by element from its index. */
export function tensor(shape: readonly number[], at: (index: readonly number[]) => number): Plain {
  const data = new Float64Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = at(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]!; axis--) index[axis] = 0;
  }
  return { shape: [...shape], data };
}

/** An element; 0 outside. */
export function at(x: Plain, ...index: readonly number[]): number {
  let flat = 0;
  for (const [axis, i] of index.entries()) {
    if (i < 0 || i >= x.shape[axis]!) return 0;
    flat = flat * x.shape[axis]! + i;
  }
  return x.data[flat]!;
}

export const each = (x: Plain, f: (v: number) => number): Plain => ({ shape: x.shape, data: x.data.map(f) });
export const as = (x: Plain, shape: readonly number[]): Plain => ({ shape, data: x.data });

type Pair = readonly [number, number];
export interface ConvOptions {
  readonly stride?: Pair;
  readonly pad?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}

function sum(count: readonly number[], term: (index: readonly number[]) => number): number {
  return tensor(count, term).data.reduce((total, v) => total + v, 0);
}

export function convolution(x: Plain, w: Plain, bias: Plain | null, options: ConvOptions = {}): Plain {
  const { stride = [1, 1], pad = [0, 0], dilation = [1, 1], groups = 1 } = options;
  const [n, , height, width] = x.shape as [number, number, number, number];
  const [o, inputs, kh, kw] = w.shape as [number, number, number, number];
  const along = (side: number, k: number, i: 0 | 1): number =>
    Math.floor((side + 2 * pad[i] - (dilation[i] * (k - 1) + 1)) / stride[i]) + 1;
  return tensor([n, o, along(height, kh, 0), along(width, kw, 1)], ([item, out, p, q]) => {
    const first = Math.floor(out! / (o / groups)) * inputs;
    const total = sum([inputs, kh, kw], ([c, i, j]) => {
      const [row, col] = [p! * stride[0] - pad[0] + i! * dilation[0], q! * stride[1] - pad[1] + j! * dilation[1]];
      return at(x, item!, first + c!, row, col) * at(w, out!, c!, i!, j!);
    });
    return total + (bias ? at(bias, out!) : 0);
  });
}

/** Every input is spread over the output through the kernel; weights [in, out / groups, kh, kw]. */
export function deconvolution(x: Plain, w: Plain, bias: Plain | null, options: ConvOptions = {}): Plain {
  const { stride = [1, 1], pad = [0, 0], groups = 1 } = options;
  const [n, inputs, height, width] = x.shape as [number, number, number, number];
  const [, outputs, kh, kw] = w.shape as [number, number, number, number];
  const [oh, ow] = [stride[0] * (height - 1) + kh - 2 * pad[0], stride[1] * (width - 1) + kw - 2 * pad[1]];
  const result = tensor([n, outputs * groups, oh, ow], ([, out]) => (bias ? at(bias, out!) : 0));
  tensor([n, inputs, outputs, height, width, kh, kw], ([item, c, o, row, col, i, j]) => {
    const [p, q] = [row! * stride[0] - pad[0] + i!, col! * stride[1] - pad[1] + j!];
    if (p < 0 || q < 0 || p >= oh || q >= ow) return 0;
    const out = Math.floor(c! / (inputs / groups)) * outputs + o!;
    const place = ((item! * outputs * groups + out) * oh + p) * ow + q;
    result.data[place]! += at(x, item!, c!, row!, col!) * at(w, c!, o!, i!, j!);
    return 0;
  });
  return result;
}

export interface PoolOptions {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly pad?: Pair;
  readonly floor?: boolean;
}

/** Sizes rounded up; with padding, a last window that starts beyond it is dropped. Averages count padding, to its end. */
export function pooling(
  x: Plain,
  kind: 'MAX' | 'AVE',
  { kernel, stride = [1, 1], pad = [0, 0], floor }: PoolOptions,
): Plain {
  const [n, c, ...sides] = x.shape as [number, number, number, number];
  const size = sides.map((side, i) => {
    const steps = (side + 2 * pad[i as 0 | 1] - kernel[i as 0 | 1]) / stride[i as 0 | 1];
    const whole = (floor ? Math.floor(steps) : Math.ceil(steps)) + 1;
    const padded = pad[0] > 0 || pad[1] > 0;
    return padded && (whole - 1) * stride[i as 0 | 1] >= side + pad[i as 0 | 1] ? whole - 1 : whole;
  });
  return tensor([n, c, ...size], ([item, channel, ...place]) => {
    const window = place.map((p, i) => {
      const start = p * stride[i as 0 | 1] - pad[i as 0 | 1];
      const end = Math.min(start + kernel[i as 0 | 1], sides[i]! + pad[i as 0 | 1]);
      return { start, end, area: end - start };
    });
    const inside: number[] = [];
    for (let row = Math.max(0, window[0]!.start); row < Math.min(sides[0], window[0]!.end); row++) {
      for (let col = Math.max(0, window[1]!.start); col < Math.min(sides[1], window[1]!.end); col++) {
        inside.push(at(x, item!, channel!, row, col));
      }
    }
    if (kind === 'MAX') return Math.max(...inside);
    return inside.reduce((total, v) => total + v, 0) / (window[0]!.area * window[1]!.area);
  });
}

/** y = x W^T + b over the last axis; weights [out, in]. */
export function innerProduct(x: Plain, w: Plain, bias: Plain | null): Plain {
  const [outputs, inputs] = w.shape as [number, number];
  return tensor([...x.shape.slice(0, -1), outputs], (index) => {
    const [before, out] = [index.slice(0, -1), index[index.length - 1]!];
    return sum([inputs], ([k]) => at(x, ...before, k!) * at(w, out, k!)) + (bias ? at(bias, out) : 0);
  });
}

export function lrnAcross(x: Plain, size: number, alpha: number, beta: number, k = 1): Plain {
  const reach = (size - 1) / 2;
  return tensor(x.shape, ([n, c, p, q]) => {
    const squares = sum([size], ([i]) => at(x, n!, c! + i! - reach, p!, q!) ** 2);
    return at(x, n!, c!, p!, q!) * (k + (alpha / size) * squares) ** -beta;
  });
}

export function lrnWithin(x: Plain, size: number, alpha: number, beta: number): Plain {
  const reach = (size - 1) / 2;
  return tensor(x.shape, ([n, c, p, q]) => {
    const squares = sum([size, size], ([i, j]) => at(x, n!, c!, p! + i! - reach, q! + j! - reach) ** 2);
    return at(x, n!, c!, p!, q!) * (1 + (alpha / (size * size)) * squares) ** -beta;
  });
}

export function softmaxOver(x: Plain, axis: number): Plain {
  return tensor(x.shape, (index) => {
    const total = sum([x.shape[axis]!], ([i]) => Math.exp(at(x, ...index.with(axis, i!))));
    return Math.exp(at(x, ...index)) / total;
  });
}

export function concat(parts: readonly Plain[], axis: number): Plain {
  const total = parts.reduce((n, { shape }) => n + shape[axis]!, 0);
  return tensor(parts[0]!.shape.with(axis, total), (index) => {
    let place = index[axis]!;
    for (const part of parts) {
      if (place < part.shape[axis]!) return at(part, ...index.with(axis, place));
      place -= part.shape[axis]!;
    }
    return NaN;
  });
}

export const slice = (x: Plain, axis: number, start: number, end: number): Plain =>
  tensor(x.shape.with(axis, end - start), (index) => at(x, ...index.with(axis, index[axis]! + start)));

const logistic = (v: number): number => 1 / (1 + Math.exp(-v));

/**
 * Hidden states of an LSTM on x [T, N, D] with markers [T, N]: gates i, f, o, g, a marker of 0 forgets hidden and cell
 * state of the step before. `still` [N, E] is added to every step through `wStill`.
 */
export function lstm(
  x: Plain,
  markers: Plain,
  [wx, b, wh]: readonly [Plain, Plain, Plain],
  still?: readonly [x: Plain, w: Plain],
): Plain {
  const [steps, lanes] = x.shape as [number, number];
  const units = wh.shape[1]!;
  const hidden = tensor([steps, lanes, units], () => 0);
  const cells = tensor([steps, lanes, units], () => 0);
  for (let t = 0; t < steps; t++) {
    for (let n = 0; n < lanes; n++) {
      const keep = at(markers, t, n);
      const gate = (row: number): number =>
        at(b, row) +
        sum([x.shape[2]!], ([k]) => at(x, t, n, k!) * at(wx, row, k!)) +
        sum([units], ([k]) => keep * at(hidden, t - 1, n, k!) * at(wh, row, k!)) +
        (still ? sum([still[0].shape[1]!], ([k]) => at(still[0], n, k!) * at(still[1], row, k!)) : 0);
      for (let u = 0; u < units; u++) {
        const [i, f, o] = [0, 1, 2].map((g) => logistic(gate(g * units + u))) as [number, number, number];
        const cell = f * keep * at(cells, t - 1, n, u) + i * Math.tanh(gate(3 * units + u));
        cells.data[(t * lanes + n) * units + u] = cell;
        hidden.data[(t * lanes + n) * units + u] = o * Math.tanh(cell);
      }
    }
  }
  return hidden;
}
