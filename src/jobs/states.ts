/**
 * The life of a job as one table: which event leads from which state to which. Everything that changes a state goes through
 * here.
 */
import { NeuroreelError, type JobState } from '../protocol/index.js';

/** What can happen to a job. */
export const JOB_EVENTS = {
  start: 'a worker takes it up',
  run: 'its worker makes the first step, or goes on after a pause',
  pause: 'it waits at the wish of somebody',
  encode: 'its frames are final',
  succeed: 'its artifacts are complete',
  fail: 'it cannot be done',
  cancel: 'somebody gave it up',
  requeue: 'it waits again: after an interruption, or to go on after a pause without a worker',
  retry: 'somebody wants it to be tried again',
} as const;
export type JobEventName = keyof typeof JOB_EVENTS;

/**
 * queued -> starting -> running <-> paused -> encoding -> succeeded | failed | canceled. A batch has no worker and nothing to
 * encode: it runs from its first job's start to its last job's end.
 */
export const TRANSITIONS: Readonly<Record<JobState, Readonly<Partial<Record<JobEventName, JobState>>>>> = {
  queued: { start: 'starting', pause: 'paused', fail: 'failed', cancel: 'canceled' },
  starting: { run: 'running', pause: 'paused', fail: 'failed', cancel: 'canceled', requeue: 'queued' },
  running: {
    pause: 'paused',
    encode: 'encoding',
    succeed: 'succeeded',
    fail: 'failed',
    cancel: 'canceled',
    requeue: 'queued',
  },
  paused: { run: 'running', succeed: 'succeeded', fail: 'failed', cancel: 'canceled', requeue: 'queued' },
  encoding: { succeed: 'succeeded', fail: 'failed', cancel: 'canceled', requeue: 'queued' },
  succeeded: {},
  failed: { retry: 'queued' },
  canceled: { retry: 'queued' },
};

/** The state that `event` leads to, or null where it cannot happen. */
export function after(state: JobState, event: JobEventName): JobState | null {
  return TRANSITIONS[state][event] ?? null;
}

/** @throws {NeuroreelError} JOB_STATE_CONFLICT when `event` cannot happen to a job in `state` */
export function next(job: string, state: JobState, event: JobEventName): JobState {
  const to = after(state, event);
  if (to !== null) return to;
  throw new NeuroreelError('JOB_STATE_CONFLICT', `Job ${job} is ${state}; it cannot ${event}.`, { details: { state } });
}
