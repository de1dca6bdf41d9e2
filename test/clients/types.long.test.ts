/** The types that the package brings: a program that uses them is checked as its author would. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it('a program is checked against the declarations of the package, and mistakes are found', () => {
  execFileSync('npm', ['run', 'build:types'], { cwd: root });
  const folder = join(root, 'out', `types-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const check = (program: string): string => {
    writeFileSync(join(folder, 'program.ts'), program);
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      'node',
    ];
    try {
      return execFileSync(join(root, 'node_modules', '.bin', 'tsc'), [...options, 'program.ts'], {
        cwd: folder,
        encoding: 'utf8',
      });
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  const program = (more: string): string => `
    import { NeuroreelClient, type Frame, type Job } from 'neuroreel/client';
    const client = new NeuroreelClient({ url: 'http://127.0.0.1:8160/' });
    const { id } = await client.jobs.submit({ kind: 'video', unit: 'wave', frames: 16 });
    for await (const frame of client.frames(id, { view: 'sheet' })) {
      const width: number = (frame satisfies Frame).header.width;
      console.log(width, (await frame.pixels()).data.length);
    }
    for await (const event of client.events(id)) if (event.type === 'progress') console.log(event.progress.activation);
    const job: Job = await client.wait(id);
    console.log(job.state === 'succeeded');
    ${more}
  `;
  expect(check(program(''))).toBe('');
  const mistakes = check(
    program(`await client.jobs.submit({ kind: 'movie' });
    client.frames(id, { view: 'sheets' });
    console.log(job.state === 'done');`),
  );
  expect(mistakes.match(/error TS/g)).toHaveLength(3);
  rmSync(folder, { recursive: true, force: true });
});
