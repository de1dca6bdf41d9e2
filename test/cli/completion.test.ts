import { spawnSync } from 'node:child_process';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { candidates, SCRIPTS } from '../../clients/cli/completion.js';
import { programFor } from '../../clients/cli/main.js';
import { openPlace, program, type Place } from './run-cli.js';

vi.setConfig({ testTimeout: 120_000 });

const complete = async (...words: string[]) => candidates(await programFor(words), words);

describe('completion', () => {
  it('knows commands, options, choices, models and units', async () => {
    expect(await complete('vi')).toEqual(['video']);
    expect(await complete('jobs', 'ca')).toEqual(['cancel']);
    expect(await complete('video', '--se')).toEqual(['--seed', '--server', '--settings']);
    expect(await complete('video', '--preview', 'k')).toEqual(['kitty']);
    expect(await complete('video', '--model', 'figures-l')).toContain('figures-lrcn');
    expect(await complete('video', '--unit', 'walk')).toEqual(expect.arrayContaining(['walk_left', 'walk_right']));
    expect(await complete('video', '--prior', 'pix')).toEqual(['pixels']);
    expect(await complete('models', 'inspect', 'figures-l')).toContain('figures-lrcn');
    expect(await complete('video', '--out', '')).toEqual([]);
  });

  it.each(Object.entries(SCRIPTS))('is a script that %s can read', async (shell, script) => {
    const path = join(tmpdir(), `neuroreel-completion-${process.pid}.${shell}`);
    await writeFile(path, script);
    const { error, status, stderr } = spawnSync(shell, ['-n', path]);
    await rm(path);
    if (error === undefined) expect([status, stderr.toString()]).toEqual([0, '']);
  });

  describe('in a real bash', () => {
    let place: Place;
    beforeAll(async () => {
      place = await openPlace();
      await writeFile(join(place.path, 'neuroreel'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`);
      await chmod(join(place.path, 'neuroreel'), 0o755);
    });
    afterAll(() => place.remove());

    it('completes a unit', () => {
      const lines = [
        'source <(neuroreel completion bash)',
        'COMP_WORDS=(neuroreel video --unit walk_l)',
        'COMP_CWORD=3',
      ];
      const script = [...lines, '_neuroreel', 'echo "${COMPREPLY[@]}"'].join('\n');
      const env = { ...place.env, PATH: `${place.path}:${process.env['PATH']}` };
      expect(spawnSync('bash', ['-c', script], { env }).stdout.toString().trim()).toBe('walk_left');
    });
  });
});
