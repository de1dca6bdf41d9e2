import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { drawView, viewed, viewMatrix } from '../../../src/engine/synthesis/views.js';

describe('a view of a picture', () => {
  const [HEIGHT, WIDTH] = [5, 6];

  /** The picture [1, 3, HEIGHT, WIDTH] as it is seen. */
  function seen(picture: Float32Array, { down = 0, right = 0, scale = 1 }): number[] {
    const b = new GraphBuilder();
    b.output('y', viewed(b, b.input('x', [1, 3, HEIGHT, WIDTH])));
    const matrices = {
      'view.rows': viewMatrix(HEIGHT, down, scale),
      'view.columns': viewMatrix(WIDTH, right, scale),
    };
    return [...evaluate(b.build(), { x: picture, ...matrices })['y']!];
  }

  it.each([
    [0, 0],
    [1, 0],
    [0, 2],
    [-2, 1],
    [2, -2],
    [9, 0],
  ])('goes down by %i and right by %i, with zeros where nothing is left', (down, right) => {
    const picture = new Random('shift').normals(3 * HEIGHT * WIDTH);
    const wanted = Array.from(picture, (_, i) => {
      const [c, y, x] = [Math.floor(i / (HEIGHT * WIDTH)), Math.floor(i / WIDTH) % HEIGHT, i % WIDTH];
      const [row, column] = [y - down, x - right];
      const outside = row < 0 || row >= HEIGHT || column < 0 || column >= WIDTH;
      return outside ? 0 : picture[(c * HEIGHT + row) * WIDTH + column]!;
    });
    expect(seen(picture, { down, right })).toEqual(wanted);
  });

  it.each([0.8, 1.25, 2])('is %d times as large around its middle', (scale) => {
    const ramp = Float32Array.from({ length: 3 * HEIGHT * WIDTH }, (_, i) => i % WIDTH);
    const middle = (WIDTH - 1) / 2;
    seen(ramp, { scale }).forEach((value, i) => {
      const place = ((i % WIDTH) - middle) / scale + middle;
      const row = (Math.floor(i / WIDTH) % HEIGHT) - (HEIGHT - 1) / 2;
      const inside = place >= 0 && place <= WIDTH - 1 && Math.abs(row / scale) <= (HEIGHT - 1) / 2;
      if (inside) expect(value).toBeCloseTo(place, 5);
    });
  });

  it('is drawn within the settings, and alike where they ask for none', () => {
    const random = new Random('views');
    const views = Array.from({ length: 500 }, () => drawView(random, { jitter: 3, zoom: 0.2 }));
    const spans = (key: 'down' | 'right' | 'scale') => {
      const all = views.map((view) => view[key]);
      return [Math.min(...all), Math.max(...all)] as const;
    };
    expect(spans('down')).toEqual([-3, 3]);
    expect(spans('right')).toEqual([-3, 3]);
    const [least, most] = spans('scale');
    expect(least).toBeGreaterThanOrEqual(0.8);
    expect(least).toBeLessThan(0.81);
    expect(most).toBeLessThanOrEqual(1.2);
    expect(most).toBeGreaterThan(1.19);
    expect(drawView(random, { jitter: 0, zoom: 0 })).toEqual({ down: 0, right: 0, scale: 1 });
  });
});
