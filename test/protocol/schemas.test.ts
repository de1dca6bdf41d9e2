import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as protocol from '../../src/protocol/index.js';
import type { NeuroreelError } from '../../src/protocol/index.js';
import { clientMessage, jobRequest, parseWith, serverMessage, videoReport } from '../../src/protocol/index.js';

function refusal(value: unknown, schema: z.ZodType = jobRequest): NeuroreelError {
  try {
    parseWith(schema, value);
  } catch (error) {
    return error as NeuroreelError;
  }
  throw new Error('was not refused');
}

describe('job request', () => {
  it('fills in the defaults of a video', () => {
    expect(parseWith(jobRequest, { kind: 'video' })).toEqual({
      kind: 'video',
      model: 'figures-lrcn',
      preset: 'default',
      frames: 160,
      seed: 1,
      fps: 25,
      device: 'auto',
    });
  });

  it.each([
    [{ kind: 'video', frames: 0 }, 'frames'],
    [{ kind: 'video', frames: 1e9 }, 'frames'],
    [{ kind: 'video', frames: 1.5 }, 'frames'],
    [{ kind: 'video', frames: '160' }, 'frames'],
    [{ kind: 'video', seed: -1 }, 'seed'],
    [{ kind: 'video', seed: 2 ** 32 }, 'seed'],
    [{ kind: 'video', fps: 0 }, 'fps'],
    [{ kind: 'video', unit: -1 }, 'unit'],
    [{ kind: 'video', unit: '' }, 'unit'],
    [{ kind: 'video', unit: { index: 1 } }, 'unit'],
    [{ kind: 'video', model: '' }, 'model'],
    [{ kind: 'video', preset: 'best' }, 'preset'],
    [{ kind: 'video', device: 'abacus' }, 'device'],
    [{ kind: 'video', iterations: 0 }, 'iterations'],
    [{ kind: 'video', previewEvery: 0 }, 'previewEvery'],
    [{ kind: 'video', Frames: 3 }, 'Frames'],
    [{ kind: 'movie' }, 'kind'],
    [{}, 'kind'],
  ])('refuses %j and names the field %s', (value, field) => {
    const error = refusal(value);
    expect(error.code).toBe('REQUEST_INVALID');
    expect(error.message).toContain(`${field}: `);
    expect(error.details).toEqual([expect.objectContaining({ field })]);
  });

  it.each([[null], [[]], ['video'], [7]])('refuses %j, which is no object', (value) => {
    expect(refusal(value).code).toBe('REQUEST_INVALID');
  });

  it('says what was given, shortened, and all fields at once', () => {
    expect(refusal({ kind: 'video', frames: 1e9, seed: 'x'.repeat(5000) }).message).toMatch(
      /^frames: .*<=4096, got 1000000000; seed: expected .*\.\.\..*\.$/,
    );
    expect(refusal({ kind: 'video', seed: 'x'.repeat(5000) }).message.length).toBeLessThan(200);
  });
});

describe('stream messages', () => {
  it('fills in the view of a subscription', () => {
    expect(parseWith(clientMessage, { type: 'subscribe', job: 'a', frames: {} })).toEqual({
      type: 'subscribe',
      job: 'a',
      frames: { view: 'play', format: 'jpeg', quality: 80 },
    });
  });

  it.each([
    [{ type: 'subscribe' }, 'job'],
    [{ type: 'subscribe', job: '../a' }, 'job'],
    [{ type: 'subscribe', job: 'a', frames: { view: 'all' } }, 'frames.view'],
    [{ type: 'subscribe', job: 'a', frames: { maxFps: 1000 } }, 'frames.maxFps'],
    [{ type: 'stop', job: 'a' }, 'type'],
  ])('refuses %j and names %s', (value, field) => {
    expect(refusal(value, clientMessage).message).toContain(`${field}: `);
  });
});

/** Every property of every object in a JSON schema that has no description, by its path. */
function undescribed(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties, ...rest } = schema as { properties?: Record<string, { description?: string }> };
  const own = Object.entries(properties ?? {}).flatMap(([name, property]) => [
    ...(property.description === undefined && !('const' in property) ? [`${path}.${name}`] : []),
    ...undescribed(property, `${path}.${name}`),
  ]);
  return [...own, ...Object.entries(rest).flatMap(([key, value]) => undescribed(value, `${path}/${key}`))];
}

describe('documentation', () => {
  it.each([
    ['jobRequest', jobRequest],
    ['job', protocol.job],
    ['clientMessage', clientMessage],
    ['serverMessage', serverMessage],
    ['videoReport', videoReport],
    ['health', protocol.health],
  ])('%s becomes a JSON schema in which every field of a request is described', (name, schema) => {
    const json = z.toJSONSchema(schema, { io: 'input' });
    expect(json).toBeTypeOf('object');
    if (name === 'jobRequest') expect(undescribed(json)).toEqual([]);
  });
});
