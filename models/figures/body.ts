/**
 * The articulated figure: its proportions, its pose as joints, and how a pose becomes capsules on the canvas.
 * Body coordinates are pixels at scale 1: x to the right of the picture, y up from the floor below the hips.
 */
import type { Random } from '../../src/engine/random.js';
import type { Canvas, Colour } from './raster.js';
import { cosine, sine } from './waves.js';

export type Point = readonly [x: number, y: number];

/** Shoulder, elbow, hand or hip, knee, foot. */
export type Limb = readonly [root: Point, joint: Point, tip: Point];

/** Limbs come in pairs: left and right in the picture from the front or the back, far and near from the side. */
export interface Pose {
  readonly hips: Point;
  readonly chest: Point;
  readonly head: Point;
  readonly arms: readonly [Limb, Limb];
  readonly legs: readonly [Limb, Limb];
}

export type View = 'front' | 'back' | 'side';

/** Lengths and radii in body coordinates. */
export interface Body {
  readonly leg: number;
  readonly torso: number;
  readonly arm: number;
  /** Half the distance between the shoulders, and between the hips, seen from the front. */
  readonly shoulder: number;
  readonly hip: number;
  readonly headRadius: number;
  readonly armRadius: number;
  readonly legRadius: number;
  /** How far the person goes in every movement, about 1. */
  readonly vigour: number;
}

export interface Clothes {
  readonly skin: Colour;
  readonly hair: Colour;
  readonly shirt: Colour;
  readonly trousers: Colour;
  readonly shoes: Colour;
}

/** From body coordinates to pixels of the picture. */
export interface Placement {
  /** Where the origin of the body lies in the picture. */
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  /** -1 mirrors the body left to right, 1 does not. */
  readonly side: 1 | -1;
}

export function drawBody(random: Random): Body {
  return {
    leg: random.uniform(18.8, 20.8),
    torso: random.uniform(13.8, 15.2),
    arm: random.uniform(16.4, 17.8),
    shoulder: random.uniform(5.9, 7),
    hip: random.uniform(2.7, 3.3),
    headRadius: random.uniform(4.4, 5),
    armRadius: random.uniform(2, 2.35),
    legRadius: random.uniform(2.4, 2.9),
    vigour: random.uniform(0.92, 1.06),
  };
}

/** The point at a distance from another, in a direction of `turns` from "straight down", towards +x first. */
export function away(from: Point, distance: number, turns: number): Point {
  return [from[0] + distance * sine(turns), from[1] - distance * cosine(turns)];
}

/** A straight limb of the given length and direction. */
export function straight(root: Point, length: number, turns: number): Limb {
  return [root, away(root, length / 2, turns), away(root, length, turns)];
}

/** A limb stretched from root to tip without a bend, however far that is (it is foreshortened where it is short). */
export function stretched(root: Point, tip: Point): Limb {
  return [root, [(root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2], tip];
}

/**
 * A limb of two equal bones from root to tip, bent towards the direction `bend`: the joint leaves the middle of the
 * straight line by as much as the bones are too long for it. With `bend` of length 1 and square to the limb, the bones
 * keep their length; shorter ones look foreshortened.
 */
export function bent(root: Point, tip: Point, length: number, bend: Point): Limb {
  const dx = tip[0] - root[0];
  const dy = tip[1] - root[1];
  const slack = Math.sqrt(Math.max(0, length * length - dx * dx - dy * dy)) / 2;
  return [root, [(root[0] + tip[0]) / 2 + slack * bend[0], (root[1] + tip[1]) / 2 + slack * bend[1]], tip];
}

const shade = (colour: Colour, factor: number): Colour => [colour[0] * factor, colour[1] * factor, colour[2] * factor];

/** Draws what the person holds, at the two moments at which that is possible. */
export interface Held {
  readonly belowArms?: () => void;
  readonly aboveArms?: () => void;
}

/** Draws a figure: what is farther from the viewer first. */
export function drawFigure(
  canvas: Canvas,
  pose: Pose,
  body: Body,
  clothes: Clothes,
  view: View,
  place: Placement,
  held: Held,
): void {
  const far = view === 'side' ? 0.84 : 1;
  const arm = (i: 0 | 1, factor: number): void =>
    drawArm(canvas, pose.arms[i], body, shade(clothes.skin, factor), place);
  if (view === 'back') {
    arm(0, 1);
    arm(1, 1);
  } else if (view === 'side') arm(0, far);
  drawLeg(canvas, pose.legs[0], body, clothes, far, place);
  drawLeg(canvas, pose.legs[1], body, clothes, 1, place);
  drawTorso(canvas, pose, body, clothes, view, place);
  drawHead(canvas, pose.head, body, clothes, view, place);
  held.belowArms?.();
  if (view === 'front') arm(0, 1);
  if (view !== 'back') arm(1, 1);
  held.aboveArms?.();
}

function segment(canvas: Canvas, a: Point, ra: number, b: Point, rb: number, colour: Colour, place: Placement): void {
  const { x, y, scale, side } = place;
  const across = scale * side;
  canvas.capsule(
    x + across * a[0],
    y - scale * a[1],
    scale * ra,
    x + across * b[0],
    y - scale * b[1],
    scale * rb,
    colour,
  );
}

function drawArm(canvas: Canvas, limb: Limb, body: Body, colour: Colour, place: Placement): void {
  const r = body.armRadius;
  segment(canvas, limb[0], r * 1.08, limb[1], r, colour, place);
  segment(canvas, limb[1], r, limb[2], r * 0.96, colour, place);
  segment(canvas, limb[2], r * 1.18, limb[2], r * 1.18, colour, place);
}

function drawLeg(canvas: Canvas, limb: Limb, body: Body, clothes: Clothes, factor: number, place: Placement): void {
  const r = body.legRadius;
  const colour = shade(clothes.trousers, factor);
  const [hip, knee, foot] = limb;
  segment(
    canvas,
    [foot[0] - 0.7, foot[1] + 0.2],
    r * 0.95,
    [foot[0] + 0.7, foot[1] + 0.2],
    r * 0.95,
    shade(clothes.shoes, factor),
    place,
  );
  segment(canvas, hip, r * 1.18, knee, r, colour, place);
  // The trousers end a little above the foot, so that the shoe shows.
  const ankle: Point = [foot[0] + 0.14 * (knee[0] - foot[0]), foot[1] + 0.14 * (knee[1] - foot[1])];
  segment(canvas, knee, r, ankle, r * 0.86, colour, place);
}

function drawTorso(canvas: Canvas, pose: Pose, body: Body, clothes: Clothes, view: View, place: Placement): void {
  const { hips, chest, head } = pose;
  const waist = view === 'side' ? 3.5 : body.hip + 1.6;
  segment(canvas, hips, waist, hips, waist, clothes.trousers, place);
  const up = (share: number): Point => [hips[0] + share * (chest[0] - hips[0]), hips[1] + share * (chest[1] - hips[1])];
  segment(canvas, up(0.75), 1.9, head, 1.9, shade(clothes.skin, 0.9), place);
  if (view === 'side') segment(canvas, up(0.2), 3.5, up(0.8), 4.1, clothes.shirt, place);
  else {
    segment(canvas, up(0.2), waist, up(0.72), body.shoulder - 1.2, clothes.shirt, place);
    const [x, y] = up(0.93);
    segment(canvas, [x - body.shoulder + 1.2, y], 2.3, [x + body.shoulder - 1.2, y], 2.3, clothes.shirt, place);
  }
}

function drawHead(canvas: Canvas, head: Point, body: Body, clothes: Clothes, view: View, place: Placement): void {
  const r = body.headRadius;
  const [x, y] = head;
  if (view === 'back') {
    segment(canvas, head, r, head, r, clothes.hair, place);
    return;
  }
  segment(canvas, [x, y + 0.7], r, [x, y + 0.7], r, clothes.hair, place);
  segment(canvas, [x, y - 1.2], r * 0.85, [x, y - 1.2], r * 0.85, clothes.skin, place);
}
