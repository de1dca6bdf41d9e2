import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../clients/cli/main.js';
import { packageVersion } from '../../src/jobs/package-root.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

describe('help', () => {
  it('names the commands, the variables and the exit codes', async () => {
    const { code, stdout } = await place.run(['--help']);
    expect(code).toBe(0);
    for (const { name, summary } of COMMANDS) expect(stdout).toContain(`${name} `.padEnd(16) + summary);
    for (const part of ['NEUROREEL_MODELS', 'FFMPEG_PATH', 'Exit codes:', '130  interrupted'])
      expect(stdout).toContain(part);
  });

  it.each([
    ...COMMANDS.map(({ name }) => [name]),
    ['models', 'import'],
    ['models', 'inspect'],
    ['models', 'pull'],
    ['jobs', 'show'],
    ['jobs', 'retry'],
  ])('of %s %s has options and examples', async (...words) => {
    const { code, stdout, stderr } = await place.run([...words, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: neuroreel ${words.join(' ')}`);
    for (const part of ['Options:', 'Global Options:', '--json', 'Examples:', `  neuroreel ${words.join(' ')}`]) {
      expect(stdout).toContain(part);
    }
  });

  it('comes without a command, too, but then it is an error', async () => {
    const { code, stdout, stderr } = await place.run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: neuroreel');
    expect(stderr).toContain('error REQUEST_INVALID: No command was given.');
  });

  it('tells the version', async () => {
    expect(await place.run(['--version'])).toMatchObject({ code: 0, stdout: `${packageVersion}\n` });
  });
});
