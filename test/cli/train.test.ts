import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const recipe = fileURLToPath(new URL('./fixtures/tiny-recipe.mjs', import.meta.url));
let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

const into = (name: string): string[] => ['--out', `${name}/models`, '--work', `${name}/work`, '--threads', '1'];
const rows = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).trim().split('\n');

describe('neuroreel train', () => {
  it('lists the recipes', async () => {
    const { code, stdout } = await place.run(['train']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^figures-prior +\d+ +figures-lrcn +/m);
    const { document } = await place.run(['train', '--json']);
    expect(document.recipes.map(({ name }: { name: string }) => name)).toContain('figures-lrcn');
  });

  it('trains, draws the curve, packs model and clips, and the model can be used', async () => {
    const { code, stdout, stderr } = await place.run(['train', recipe, ...into('whole')]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/^training 1\/40 {2}loss [\d.]+ {2}certainty [\d.]+ {2}ETA /m);
    expect(stderr).toMatch(/^training 40\/40 /m);
    expect(stderr).toMatch(/^measured$/m);
    expect(stdout).toMatch(/^clips +2 packed with it$/m);
    expect(stdout).toMatch(/^ +accuracy +1$/m);
    const work = join(place.path, 'whole', 'work');
    const made = ['checkpoint.safetensors', 'curve-certainty.png', 'curve.csv', 'curve.png', 'run.json'];
    expect((await readdir(work)).sort()).toEqual(made);
    const curve = await rows(join(work, 'curve.csv'));
    expect(curve[0]).toBe('step,loss,gradientNorm,seconds,certainty');
    expect(curve).toHaveLength(41);
    const losses = curve.slice(1).map((row) => Number(row.split(',')[1]));
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    const probe = await place.run([
      'probe',
      '--model',
      'tiny-dots',
      '--models',
      'whole/models',
      '--permutations',
      '2',
      '--json',
    ]);
    const [model] = probe.document.models;
    expect(model).toMatchObject({ clipsScored: 2, name: 'tiny-dots' });
    expect(model.conditions[0].accuracy.value).toBe(1);
  });

  it('goes on after an interruption and comes to the very same model', async () => {
    const args = ['train', recipe, ...into('parts')];
    const running = place.start(args, { TINY_STEP_MS: '40' });
    await running.saying('training 1/40');
    running.child.kill('SIGINT');
    const stopped = await running.ended;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(
      /^error INTERRUPTED: Training is not finished; .*parts\/work holds its checkpoint\. To go on: neuroreel train /m,
    );
    const work = join(place.path, 'parts', 'work');
    const done = (await rows(join(work, 'curve.csv'))).length - 1;
    expect(done).toBeLessThan(40);
    expect(existsSync(join(place.path, 'parts', 'models'))).toBe(false);

    const { code, document, stderr } = await place.run([...args, '--json']);
    expect(code).toBe(0);
    expect(stderr).toContain('tiny-dots goes on from its checkpoint');
    const steps = (await rows(join(work, 'curve.csv'))).slice(1).map((row) => Number(row.split(',')[0]));
    expect(steps).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    await rm(join(place.path, 'whole'), { recursive: true, force: true });
    const whole = await place.run(['train', recipe, ...into('whole'), '--json', '--quiet']);
    expect(whole.stderr).toBe('');
    expect(document.sha256).toBe(whole.document.sha256);
    expect(document.quality).toEqual({ accuracy: 1 });
  });

  it('does not go on with a run of another seed, unless it is to begin anew', async () => {
    const args = ['train', recipe, ...into('seeds'), '--steps', '3'];
    expect((await place.run([...args, '--seed', '1'])).code).toBe(0);
    const other = await place.run([...args, '--seed', '2', '--out', 'seeds/others']);
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/seeds\/work holds another run \(tiny-dots, seed 1, 3 steps\): use --force/);
    const forced = await place.run([...args, '--seed', '2', '--force', '--json']);
    expect(forced).toMatchObject({ code: 0, document: { seed: 2, steps: 3, clips: 2 } });
    expect(await rows(join(place.path, 'seeds', 'work', 'curve.csv'))).toHaveLength(4);
  });
});
