/**
 * Everything of a clip but the movement: palette, background, place, scale, speed and camera, drawn from a seed, and
 * how a frame is put together from them.
 */
import { Random } from '../../src/engine/random.js';
import type { Action } from './actions.js';
import { LADDER_GRIP, LADDER_REACH, RUNG_SPACING, TREE_SPACING } from './actions.js';
import type { Body, Clothes, Placement, Point } from './body.js';
import { drawBody, drawFigure } from './body.js';
import type { Canvas, Colour } from './raster.js';
import { FRAME_SIZE } from './raster.js';
import { fraction, sine } from './waves.js';

interface Palette extends Clothes {
  readonly sky: Colour;
  readonly ground: Colour;
  /** Ladder, trunks, marks on the path. */
  readonly wood: Colour;
  readonly leaves: Colour;
  /** Windows of the house that the ladder leans on. */
  readonly glass: Colour;
  /** Ball and weights. */
  readonly accent: Colour;
}

/** Where the origin of the body lies in the picture, in pixels from the top: lowest and highest. */
const FLOOR = { floor: [57.5, 60.5], walkway: [52, 54.5], ladder: [60, 63] } as const;

/** A slow sway of the camera along one axis: amplitude in pixels, turns a frame, phase in turns. */
interface Sway {
  readonly amplitude: number;
  readonly rate: number;
  readonly phase: number;
}

export interface Scene {
  readonly action: Action;
  readonly body: Body;
  readonly palette: Palette;
  readonly upper: Float32Array;
  readonly lower: Float32Array;
  readonly placement: Placement;
  /** Phase of frame 0 and turns a frame. */
  readonly start: number;
  readonly rate: number;
  readonly swayX: Sway;
  readonly swayY: Sway;
}

const SKIN: readonly Colour[] = [
  [232, 196, 168],
  [212, 168, 134],
  [180, 130, 98],
  [138, 94, 68],
  [104, 70, 54],
];
const HAIR: readonly Colour[] = [
  [52, 42, 38],
  [92, 64, 46],
  [150, 112, 70],
  [120, 116, 114],
];
const SHIRTS: readonly Colour[] = [
  [168, 74, 70],
  [62, 98, 148],
  [78, 128, 92],
  [204, 164, 84],
  [120, 84, 138],
  [66, 138, 142],
  [214, 206, 194],
  [70, 72, 82],
];
const TROUSERS: readonly Colour[] = [
  [52, 60, 88],
  [88, 72, 60],
  [70, 84, 72],
  [60, 60, 64],
  [176, 164, 140],
  [116, 128, 152],
];
const ACCENTS: readonly Colour[] = [
  [196, 92, 64],
  [216, 172, 72],
  [74, 112, 168],
  [88, 146, 104],
  [232, 226, 214],
];
const WOODS: readonly Colour[] = [
  [116, 86, 62],
  [84, 78, 80],
  [150, 116, 84],
];
const LEAVES: readonly Colour[] = [
  [92, 128, 88],
  [124, 140, 82],
  [160, 112, 66],
];
// Light to middling, so that people of all colours stand out; no channel so high that a gradient could leave 0..255.
const SKIES: readonly Colour[] = [
  [190, 206, 216],
  [206, 200, 182],
  [184, 204, 186],
  [208, 190, 194],
  [194, 190, 212],
  [158, 176, 194],
  [156, 172, 158],
  [182, 168, 158],
];

/** Redmean colour distance, 0 (equal) to about 765: close to what people see, and cheap. */
function contrast(a: Colour, b: Colour): number {
  const mean = (a[0] + b[0]) / 512;
  const [r, g, b2] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  return Math.sqrt((2 + mean) * r * r + 4 * g * g + (3 - mean) * b2 * b2);
}

function vary(random: Random, colour: Colour, range: number): Colour {
  const common = random.uniform(-range, range);
  const one = (value: number): number => value + common + random.uniform(-range, range) / 2;
  return [one(colour[0]), one(colour[1]), one(colour[2])];
}

const mix = (a: Colour, b: Colour, share: number): Colour => [
  a[0] + share * (b[0] - a[0]),
  a[1] + share * (b[1] - a[1]),
  a[2] + share * (b[2] - a[2]),
];

function drawPalette(random: Random): Palette {
  const sky = vary(random, random.pick(SKIES), 10);
  return {
    sky,
    ground: mix(sky, [112, 106, 98], random.uniform(0.35, 0.5)),
    skin: vary(random, random.pick(SKIN), 5),
    hair: vary(random, random.pick(HAIR), 6),
    shirt: vary(random, random.pick(SHIRTS), 8),
    trousers: vary(random, random.pick(TROUSERS), 8),
    shoes: vary(random, [62, 54, 52], 6),
    wood: vary(random, random.pick(WOODS), 6),
    accent: vary(random, random.pick(ACCENTS), 6),
    leaves: vary(random, random.pick(LEAVES), 6),
    glass: mix(sky, [64, 76, 98], random.uniform(0.45, 0.6)),
  };
}

/** How clear the least clear of the pairs of colours that must be told apart is; 1 is enough. */
function clarity(p: Palette): number {
  return Math.min(
    contrast(p.skin, p.sky) / 130,
    contrast(p.skin, p.ground) / 80,
    contrast(p.skin, p.shirt) / 150,
    contrast(p.skin, p.trousers) / 100,
    contrast(p.shirt, p.sky) / 130,
    contrast(p.shirt, p.trousers) / 90,
    contrast(p.trousers, p.sky) / 130,
    contrast(p.trousers, p.ground) / 110,
    contrast(p.hair, p.sky) / 110,
    contrast(p.hair, p.skin) / 60,
    contrast(p.accent, p.sky) / 150,
    contrast(p.accent, p.shirt) / 110,
    contrast(p.accent, p.skin) / 110,
    contrast(p.wood, p.sky) / 120,
    contrast(p.wood, p.trousers) / 70,
    contrast(p.wood, p.skin) / 50,
  );
}

/** Colours that can be told apart: the first palette that is clear enough, else the clearest of 60. */
function drawClearPalette(random: Random): Palette {
  let best = drawPalette(random);
  for (let i = 0; i < 60 && clarity(best) < 1; i++) {
    const other = drawPalette(random);
    if (clarity(other) > clarity(best)) best = other;
  }
  return best;
}

/** A smooth gradient around a colour, [64, 64, 3]. */
function gradient(random: Random, colour: Colour, range: number): Float32Array {
  const image = new Float32Array(FRAME_SIZE * FRAME_SIZE * 3);
  const across = random.uniform(-range, range);
  const down = random.uniform(-range, range);
  for (let y = 0, i = 0; y < FRAME_SIZE; y++) {
    for (let x = 0; x < FRAME_SIZE; x++) {
      const shift = across * (x / 32 - 1) + down * (y / 32 - 1);
      image[i++] = colour[0] + shift;
      image[i++] = colour[1] + shift;
      image[i++] = colour[2] + shift;
    }
  }
  return image;
}

function drawSway(random: Random): Sway {
  return { amplitude: random.uniform(0, 0.7), rate: random.uniform(0.02, 0.05), phase: random.uniform() };
}

const at = (sway: Sway, t: number): number => sway.amplitude * sine(sway.phase + sway.rate * t);

/** Everything about a clip that does not change from frame to frame. */
export function drawScene(action: Action, seed: number): Scene {
  const random = new Random(seed);
  const palette = drawClearPalette(random);
  const upper = gradient(random, palette.sky, 12);
  const lower = action.setting === 'ladder' ? upper : gradient(random, palette.ground, 8);
  const body = drawBody(random);
  const side = random.uniform() < 0.5 && action.mirror !== 'never' ? -1 : 1;
  const placement: Placement = {
    x: 32 + random.uniform(-4, 4),
    y: random.uniform(...FLOOR[action.setting]),
    scale: random.uniform(0.9, 1.04),
    side,
  };
  const turn = action.mirror === 'turning' ? side : 1;
  return {
    action,
    body,
    palette,
    upper,
    lower,
    placement,
    start: random.uniform(),
    rate: turn / random.uniform(action.period[0], action.period[1]),
    swayX: drawSway(random),
    swayY: drawSway(random),
  };
}

/** Draws the frame at time t (in frames, any real number) of the scene's action running forwards. */
export function drawFrame(canvas: Canvas, scene: Scene, t: number): void {
  const { action, body, palette, placement } = scene;
  const place = { ...placement, x: placement.x + at(scene.swayX, t), y: placement.y + at(scene.swayY, t) };
  const phase = scene.start + scene.rate * t;
  const pose = action.pose(phase, body);
  const travelled = place.scale * (action.travel?.(phase, body) ?? 0);
  const horizon = action.setting === 'floor' ? place.y - 7 : place.y - 0.5;
  canvas.backdrop(scene.upper, scene.lower, horizon);
  if (action.setting === 'ladder') drawLadder(canvas, palette, place, travelled);
  else if (action.setting === 'walkway') drawWalkway(canvas, palette, place, travelled);
  if (action.setting !== 'ladder') {
    const feet = action.merged === 'push_up' ? 22 : 10;
    canvas.shadow(place.x, place.y + 0.3, feet * place.scale, 3 * place.scale, 0.35);
  }
  const [first, second] = pose.arms;
  drawFigure(canvas, pose, body, palette, action.view, place, {
    ...(action.prop === 'ball' && { aboveArms: () => drawBall(canvas, palette, place, second[2]) }),
    ...(action.prop === 'barbell' && {
      belowArms: () => drawBarbell(canvas, palette, place, (first[2][1] + second[2][1]) / 2),
    }),
  });
}

/** Weight of scenery in the canvas's cover: it shows the direction, but matters less than the figure. */
const SCENERY = 0.5;

/**
 * Trees that pass behind and slabs that pass below the feet. Both are coarse and repeat once in a pair of steps, so that
 * which way they pass can be told from frames that differ by a few pixels.
 */
function drawWalkway(canvas: Canvas, palette: Palette, place: Placement, travelled: number): void {
  const spacing = TREE_SPACING * place.scale;
  const { y, scale } = place;
  const trunk = mix(palette.wood, palette.sky, 0.25);
  const slab = mix(palette.wood, palette.ground, 0.25);
  const first = spacing * fraction((place.x + travelled) / spacing);
  for (let x = first - spacing; x < FRAME_SIZE + spacing; x += spacing) {
    canvas.rectangle(x - 1.8, y - 22 * scale, x + 1.8, y - 0.5, trunk, SCENERY);
    canvas.capsule(x, y - 25 * scale, 7 * scale, x, y - 29 * scale, 6.5 * scale, palette.leaves, SCENERY);
    canvas.rectangle(x - 0.25 * spacing, y + 3, x + 0.25 * spacing, FRAME_SIZE + 2, slab, SCENERY);
  }
}

/** A ladder on a house whose windows pass on both sides; they repeat once in a pair of rungs. */
function drawLadder(canvas: Canvas, palette: Palette, place: Placement, travelled: number): void {
  const { x, y, scale } = place;
  const spacing = RUNG_SPACING * scale;
  // A rung lies where the hands hold at the top of their way, half a spacing above its middle.
  const top = y - scale * (LADDER_REACH + RUNG_SPACING / 2) + travelled;
  const half = (LADDER_GRIP + 3) * scale;
  const storey = 2 * spacing;
  for (let window = storey * fraction(top / storey) - storey; window < FRAME_SIZE + storey; window += storey) {
    for (const side of [-1, 1]) {
      const middle = x + side * (half + 11 * scale);
      const [left, right] = [middle - 5.5 * scale, middle + 5.5 * scale];
      canvas.rectangle(left, window, right, window + 0.55 * storey, palette.glass, SCENERY);
    }
  }
  for (let rung = spacing * fraction(top / spacing) - spacing; rung < FRAME_SIZE + spacing; rung += spacing) {
    canvas.rectangle(x - half, rung - 1.5, x + half, rung + 1.5, palette.wood, SCENERY);
  }
  canvas.rectangle(x - half - 1.5, -2, x - half + 1.5, FRAME_SIZE + 2, palette.wood, SCENERY);
  canvas.rectangle(x + half - 1.5, -2, x + half + 1.5, FRAME_SIZE + 2, palette.wood, SCENERY);
}

function drawBall(canvas: Canvas, palette: Palette, place: Placement, hand: Point): void {
  const x = place.x + place.side * place.scale * hand[0];
  const y = place.y - place.scale * hand[1];
  const r = 4 * place.scale;
  canvas.capsule(x, y, r, x, y, r, palette.accent);
}

function drawBarbell(canvas: Canvas, palette: Palette, place: Placement, height: number): void {
  const { x, scale } = place;
  const y = place.y - scale * height;
  canvas.capsule(x - 17 * scale, y, 1.1, x + 17 * scale, y, 1.1, palette.shoes);
  for (const side of [-1, 1]) {
    const plate = x + side * 14.5 * scale;
    canvas.capsule(plate, y - 4 * scale, 2.2 * scale, plate, y + 4 * scale, 2.2 * scale, palette.accent);
  }
}
