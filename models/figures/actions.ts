/**
 * The activities: one table, one entry an action, with the pose as a function of the phase. An action with one label is
 * the same forwards and backwards in time; an action with two labels has the first name when its phase runs forwards
 * and the second when it runs backwards, so that the two classes hold the same frames in opposite orders.
 */
import type { Body, Limb, Point, Pose, View } from './body.js';
import { away, bent, straight, stretched } from './body.js';
import { cosine, fraction, sawtooth, sine, swell, triangle } from './waves.js';

export interface Action {
  readonly merged: string;
  readonly labels: readonly [string] | readonly [forwards: string, backwards: string];
  readonly view: View;
  /** Where it happens: on a floor, before trees that pass by, or on a ladder. */
  readonly setting: 'floor' | 'walkway' | 'ladder';
  /** What the person holds: nothing, a ball in the second hand, or a barbell in both. */
  readonly prop: 'none' | 'ball' | 'barbell';
  /** Whether the figure may be mirrored; 'turning' runs the phase of a mirrored figure backwards, so that the picture
   * still turns the same way. */
  readonly mirror: 'never' | 'freely' | 'turning';
  /** Frames a period, lowest and highest. */
  readonly period: readonly [number, number];
  /** @param phase in turns. */
  readonly pose: (phase: number, body: Body) => Pose;
  /** Phase in turns -> how far the setting has moved, in body coordinates: to the right (walkway) or down (ladder). */
  readonly travel?: (phase: number, body: Body) => number;
}

/** Half the length of a step, and the distance between trees: one passes during a pair of steps. */
const STRIDE = 8;
export const TREE_SPACING = 4 * STRIDE;

/** Distance between rungs: each hand and foot takes every second one. */
export const RUNG_SPACING = 12.6;

/** Share of the period in which the barbell moves slowly. */
const SLOW_SHARE = 0.73;

const degrees = (angle: number): number => angle / 360;

/** Shoulders, hips, head and chest of an upright person whose hips are at a height. */
function upright(body: Body, hipHeight: number, x = 0) {
  const y = hipHeight + body.torso;
  return {
    hips: [x, hipHeight] as Point,
    chest: [x, y] as Point,
    head: [x, y + 2 + body.headRadius] as Point,
    shoulders: [
      [x - body.shoulder, y - 0.8],
      [x + body.shoulder, y - 0.8],
    ] as [Point, Point],
    hipJoints: [
      [x - body.hip, hipHeight],
      [x + body.hip, hipHeight],
    ] as [Point, Point],
  };
}

/** Two straight legs seen from the front, each turned out by an angle in turns; feet on the floor, or above it. */
function legsApart(body: Body, turns: number, hop = 0) {
  const frame = upright(body, body.leg * cosine(turns) + 1.6 + hop);
  const legs: [Limb, Limb] = [
    straight(frame.hipJoints[0], body.leg, -turns),
    straight(frame.hipJoints[1], body.leg, turns),
  ];
  return { ...frame, legs };
}

function wave(phase: number, body: Body): Pose {
  const frame = legsApart(body, degrees(7));
  const swing = body.vigour * cosine(phase);
  const elbow = away(frame.shoulders[1], body.arm / 2, degrees(118 + 12 * swing));
  const hand = away(elbow, body.arm / 2, degrees(164 + 58 * swing));
  return { ...frame, arms: [straight(frame.shoulders[0], body.arm, degrees(-13)), [frame.shoulders[1], elbow, hand]] };
}

function jumpingJacks(phase: number, body: Body): Pose {
  const open = swell(phase);
  const frame = legsApart(body, degrees(3 + 26 * body.vigour * open), 2.5 * swell(2 * phase));
  const turns = degrees(14 + 142 * open);
  return {
    ...frame,
    arms: [straight(frame.shoulders[0], body.arm, -turns), straight(frame.shoulders[1], body.arm, turns)],
  };
}

function squat(phase: number, body: Body): Pose {
  const depth = swell(phase) * body.vigour;
  const hips: Point = [-1 - 6.5 * depth, body.leg * (0.98 - 0.52 * depth) + 1.6];
  const lean = degrees(180 - 6 - 26 * depth);
  const chest = away(hips, body.torso, lean);
  const shoulder = away(hips, body.torso - 1.5, lean);
  const arm = straight(shoulder, body.arm, degrees(92));
  const leg = bent(hips, [0, 1.6], body.leg, [0.95, 0.3]);
  const farLeg = bent([hips[0] + 1, hips[1]], [1.6, 1.9], body.leg, [0.95, 0.3]);
  const head = away(hips, body.torso + 2 + body.headRadius, degrees(180 - 4 - 17 * depth));
  return { hips, chest, head, arms: [arm, arm], legs: [farLeg, leg] };
}

function pushUp(phase: number, body: Body): Pose {
  const length = body.leg + body.torso;
  const height = 6 + 9.5 * body.vigour * swell(phase);
  const along = Math.sqrt(length * length - height * height);
  // The middle of the body lies over the origin.
  const at = (share: number, lift = 0): Point => [along * (share - 0.6), 2 + height * share + lift];
  const foot = at(0);
  const hips = at(body.leg / length);
  const chest = at(0.985);
  const shoulder = at(0.96);
  const hand: Point = [0.36 * length + 1.5, 1.8];
  const arm = bent(shoulder, hand, body.arm, [-0.75, 0.25]);
  const farArm = bent(shoulder, [hand[0] + 2.5, 2.2], body.arm, [-0.7, 0.25]);
  const head = at(1 + (2 + body.headRadius) / length, 1.2);
  return { hips, chest, head, arms: [farArm, arm], legs: [stretched(hips, foot), stretched(hips, foot)] };
}

function windmill(phase: number, body: Body): Pose {
  const frame = legsApart(body, degrees(14));
  const hip: Point = [frame.hips[0] - body.hip - 1.5, frame.hips[1] + 2];
  return {
    ...frame,
    // Directions run anticlockwise in the picture with growing turns, so a clockwise arm subtracts the phase.
    arms: [bent(frame.shoulders[0], hip, body.arm, [-0.8, 0]), straight(frame.shoulders[1], body.arm, -phase)],
  };
}

/** One leg of a walk to the left: on the ground the foot moves to the right with the scenery, then it is lifted back. */
function step(phase: number): Point {
  const p = fraction(phase);
  return [-STRIDE * triangle(p), 1.6 + (p < 0.5 ? 0 : 3.2 * sine(p - 0.5))];
}

function walk(phase: number, body: Body): Pose {
  const standing = phase - Math.floor(2 * phase) / 2;
  const x = step(standing)[0];
  const frame = upright(body, Math.sqrt(body.leg * body.leg - x * x) + 1.6);
  const hip = frame.hips;
  const shoulder: Point = [frame.chest[0], frame.chest[1] - 1.6];
  const swing = degrees(40) * body.vigour * cosine(phase);
  return {
    ...frame,
    arms: [straight(shoulder, body.arm, -swing), straight(shoulder, body.arm, swing)],
    legs: [stretched(hip, step(phase + 0.5)), stretched(hip, step(phase))],
  };
}

/** A hand or foot on the ladder: down with its rung during the first half, up to the next but one in the second. */
function grip(phase: number, x: number, y: number, out: number): Point {
  const p = fraction(phase);
  return [x + (p < 0.5 ? 0 : out * sine(p - 0.5)), y + (RUNG_SPACING / 2) * triangle(p)];
}

/** Half the width of the ladder's rungs, where the hands hold. */
export const LADDER_GRIP = 7.5;

/** Height of the hips on the ladder, and of the middle of the hands' way above the origin of the body. */
const CLIMB_HIPS = 23;
export const LADDER_REACH = CLIMB_HIPS + 25.5;

function climb(phase: number, body: Body): Pose {
  const frame = upright(body, CLIMB_HIPS, 0.7 * cosine(phase));
  const top = LADDER_REACH;
  const hands = [grip(phase, -LADDER_GRIP, top, -1.5), grip(phase + 0.5, LADDER_GRIP, top, 1.5)] as const;
  const bottom = top - 3 * RUNG_SPACING;
  const feet = [grip(phase + 0.5, -LADDER_GRIP + 1.5, bottom, -1), grip(phase, LADDER_GRIP - 1.5, bottom, 1)] as const;
  return {
    ...frame,
    arms: [
      bent(frame.shoulders[0], hands[0], body.arm, [-0.75, -0.25]),
      bent(frame.shoulders[1], hands[1], body.arm, [0.75, -0.25]),
    ],
    legs: [
      bent(frame.hipJoints[0], feet[0], body.leg, [-0.75, 0.1]),
      bent(frame.hipJoints[1], feet[1], body.leg, [0.75, 0.1]),
    ],
  };
}

function barbell(phase: number, body: Body): Pose {
  const frame = legsApart(body, degrees(11));
  const shoulder = frame.chest[1] - 0.8;
  const y = shoulder + (2 * sawtooth(phase, SLOW_SHARE) - 1) * body.arm * 0.96;
  const grip = body.shoulder + 2;
  return {
    ...frame,
    arms: [
      bent(frame.shoulders[0], [-grip, y], body.arm, [-0.7, -0.35]),
      bent(frame.shoulders[1], [grip, y], body.arm, [0.7, -0.35]),
    ],
  };
}

export const ACTIONS: readonly Action[] = [
  action('wave', ['wave'], { mirror: 'freely', period: [8, 12], pose: wave }),
  action('jumping_jacks', ['jumping_jacks'], { period: [10, 15], pose: jumpingJacks }),
  action('squat', ['squat'], { view: 'side', mirror: 'freely', period: [11, 16], pose: squat }),
  action('push_up', ['push_up'], { view: 'side', mirror: 'freely', period: [10, 15], pose: pushUp }),
  action('windmill', ['windmill_clockwise', 'windmill_anticlockwise'], {
    prop: 'ball',
    mirror: 'turning',
    period: [12, 18],
    pose: windmill,
  }),
  action('walk', ['walk_left', 'walk_right'], {
    view: 'side',
    setting: 'walkway',
    period: [11, 15],
    pose: walk,
    travel: (phase) => 4 * STRIDE * phase,
  }),
  action('climb', ['climb_up', 'climb_down'], {
    view: 'back',
    setting: 'ladder',
    period: [12, 17],
    pose: climb,
    travel: (phase) => 2 * RUNG_SPACING * phase,
  }),
  action('barbell', ['lift_slowly', 'lower_slowly'], { prop: 'barbell', period: [12, 16], pose: barbell }),
];

function action(
  merged: string,
  labels: Action['labels'],
  rest: Partial<Action> & Pick<Action, 'period' | 'pose'>,
): Action {
  return { merged, labels, view: 'front', setting: 'floor', prop: 'none', mirror: 'never', ...rest };
}
