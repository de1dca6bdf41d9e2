/** The life of a job as one table: which state may follow which. Everything that changes a state goes through here. */
import { NeuroreelError, type JobState } from '../protocol/index.js';

/**
 * queued -> starting -> running <-> paused -> encoding -> succeeded | failed | canceled; and back to queued, for a job that
 * was interrupted and can go on where it was
 */
export const TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['starting', 'canceled'],
  starting: ['running', 'failed', 'canceled', 'queued'],
  running: ['paused', 'encoding', 'failed', 'canceled', 'queued'],
  paused: ['running', 'failed', 'canceled', 'queued'],
  encoding: ['succeeded', 'failed', 'canceled', 'queued'],
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
