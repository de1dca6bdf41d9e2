/** The life of a job as one table: which state may follow which. Everything that changes a state goes through here. */
import { NeuroreelError, type JobState } from '../protocol/index.js';

/** queued -> starting -> running <-> paused -> encoding -> succeeded | failed | canceled */
export const TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['starting', 'canceled'],
  starting: ['running', 'failed', 'canceled'],
  running: ['paused', 'encoding', 'failed', 'canceled'],
  paused: ['running', 'failed', 'canceled'],
  encoding: ['succeeded', 'failed', 'canceled'],
  succeeded: [],
  failed: [],
  canceled: [],
};

export function mayFollow(from: JobState, to: JobState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** @throws {NeuroreelError} JOB_STATE_CONFLICT when `to` may not follow `from` */
export function assertTransition(job: string, from: JobState, to: JobState): void {
  if (!mayFollow(from, to)) {
    throw new NeuroreelError('JOB_STATE_CONFLICT', `Job ${job} is ${from}; it cannot become ${to}.`, {
      details: { state: from },
    });
  }
}
