/** Workers as processes: what kills them, what they print, who they obey, and what becomes of those whose server is gone. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { fstatSync, readFileSync, writeSync } from 'node:fs';
import { mkdir, open as openFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { JobManager } from '../../src/jobs/manager.js';
import { WorkFolder } from '../../src/jobs/store/work-folder.js';
import { workerEnvironment } from '../../src/jobs/worker/process.js';
import { SharedFile } from '../../src/jobs/worker/shared-file.js';
import { TaskProcess } from '../../src/jobs/worker/task-process.js';
import { Workers } from '../../src/jobs/worker/workers.js';
import { FINAL_STATES } from '../../src/protocol/index.js';
import { endless, fixtureKinds, fixtureRequest, reaches, silentLog } from './fixtures/fixtures.js';
import { useManagers } from './fixtures/use-managers.js';

const folder = useManagers();
const { open } = folder;

/** Resolves when the job has made so many iterations. */
function makes(manager: JobManager, id: string, iterations: number): Promise<void> {
  return new Promise((resolve) => {
    manager.events.on('progress', (of, { iteration }) => of === id && iteration >= iterations && resolve());
  });
}

describe('a worker that crashes in native code', () => {
  it('is replaced; its job goes on to the same bytes', async () => {
    const manager = await open({ kinds: fixtureKinds({ stepMs: 5 }), checkpointSeconds: 0.02 });
    await manager.submit('whole', fixtureRequest('remembers', { iterations: 60 }));
    await reaches(manager, 'whole', 'succeeded');
    await manager.submit('a', fixtureRequest('remembers', { iterations: 60 }));
    await makes(manager, 'a', 30);
    manager.killWorker('a', 'SIGSEGV');
    await reaches(manager, 'a', 'queued');
    const iterations: number[] = [];
    manager.events.on('progress', (_, { iteration }) => iterations.push(iteration));
    const job = await reaches(manager, 'a', ...FINAL_STATES);
    expect(job.events.map(({ state }) => state).filter((state) => state === 'starting').length).toBe(2);
    expect(iterations[0]).toBeGreaterThan(5);
    expect(manager.artifact('a', 'video.mp4').sha256).toBe(manager.artifact('whole', 'video.mp4').sha256);
    expect(manager.get('a').history).toEqual(manager.get('whole').history);
  });

  it('three times fails its job with what ended it; the next job runs', async () => {
    const manager = await open();
    await manager.submit('a', fixtureRequest('aborts'));
    await manager.submit('b', fixtureRequest('steady'));
    const job = await reaches(manager, 'a', ...FINAL_STATES);
    expect(job).toMatchObject({ crashes: 3, error: { code: 'WORKER_DIED' } });
    expect(job.error?.message).toMatch(/ended by SIGABRT \(native code gave up\)/);
    expect((await reaches(manager, 'b', ...FINAL_STATES)).state).toBe('succeeded');
  });
});

describe('a worker', () => {
  it('that fills its heap fails its job, not the server', async () => {
    const before = process.env['NODE_OPTIONS'];
    process.env['NODE_OPTIONS'] = '--max-old-space-size=40';
    try {
      const manager = await open();
      await manager.submit('a', fixtureRequest('eats-memory'));
      const { error } = await reaches(manager, 'a', ...FINAL_STATES);
      expect(error).toMatchObject({ code: 'WORKER_DIED', message: expect.stringMatching(/JavaScript heap was full/) });
    } finally {
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
    }
  });

  it('in a loop without an end is replaced', async () => {
    const manager = await open({ stallSeconds: 0.3 });
    await manager.submit('a', fixtureRequest('loops'));
    await manager.submit('b', fixtureRequest('steady'));
    const job = await reaches(manager, 'a', ...FINAL_STATES);
    expect(job).toMatchObject({ crashes: 3, error: { code: 'WORKER_STALLED' } });
    expect((await reaches(manager, 'b', ...FINAL_STATES)).state).toBe('succeeded');
  });

  it('has what it prints in the log, with its job; long lines are cut', async () => {
    const said: [object, string][] = [];
    const manager = await open({ log: { ...silentLog, warn: (fields, message) => void said.push([fields, message]) } });
    await manager.submit('a', fixtureRequest('prints'));
    await reaches(manager, 'a', 'succeeded');
    expect(said.at(-1)).toEqual([{ job: 'a' }, 'its worker prints: a line of the library']);
    expect(said.at(-2)?.[1].length).toBeLessThan(2100);
  });

  it('obeys its server alone: a Ctrl-C does not end it', async () => {
    const manager = await open({ kinds: fixtureKinds({ stepMs: 5 }) });
    await manager.submit('a', fixtureRequest('remembers', { iterations: 40 }));
    await makes(manager, 'a', 3);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) manager.killWorker('a', signal);
    expect(await reaches(manager, 'a', ...FINAL_STATES)).toMatchObject({ state: 'succeeded', crashes: 0 });
  });

  it('says how much memory it takes', async () => {
    const manager = await open();
    expect(manager.workerBytes).toBe(0);
    await manager.submit('a', endless());
    await expect.poll(() => manager.workerBytes).toBeGreaterThan(10_000_000);
    manager.cancel('a');
    await reaches(manager, 'a', 'canceled');
    await expect.poll(() => manager.workerBytes).toBe(0);
  });

  it('knows no secrets of the server, and opens no port for a debugger', () => {
    const env = {
      PATH: '/bin',
      NEUROREEL_TOKEN: 'x',
      NODE_OPTIONS: '--inspect-brk=0 --max-old-space-size=90 --inspect',
    };
    expect(workerEnvironment(env)).toEqual({ PATH: '/bin', NODE_OPTIONS: '--max-old-space-size=90' });
  });
});

describe('a worker that is held ready', () => {
  it('does the next job, and is let go when there is none', async () => {
    const workers = new Workers({ modules: [], spareMs: 20 });
    workers.makeReady();
    const ready = workers.ready!;
    expect(workers.take()).toBe(ready);
    await ready.end();
    expect(ready.isAlive).toBe(false);
    workers.makeReady();
    const other = workers.ready!;
    workers.rest();
    expect(await other.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(workers.ready).toBeNull();
    workers.makeReady();
    const last = workers.ready!;
    await workers.close();
    expect(last.isAlive).toBe(false);
  });

  it('that has died is not taken', async () => {
    const workers = new Workers({ modules: [], spareMs: 1000 });
    workers.makeReady();
    const dead = workers.ready!;
    dead.kill();
    await dead.ended;
    const taken = workers.take();
    expect(taken).not.toBe(dead);
    await taken.end();
    await workers.close();
  });
});

describe('the file that a worker shares with the server', () => {
  it('has no name, gives what was put there, and refuses to be read when it is closed or too short', async () => {
    const file = SharedFile.create()!;
    writeSync(file.fd, Uint8Array.of(1, 2, 3), 0, 3, 0);
    expect(await file.read(3)).toEqual(Uint8Array.of(1, 2, 3));
    await expect(file.read(4)).rejects.toThrow('shorter');
    expect(fstatSync(file.fd).nlink).toBe(0);
    await file.close();
    await expect(file.read(3)).rejects.toThrow('closed');
  });
});

describe('a process for one piece of work', () => {
  it('that dies says how', async () => {
    const crashed = new TaskProcess('src/jobs/examples/score-process.js', { directory: 'none' }, () => undefined);
    await crashed.end();
    expect(await crashed.ended).toBe('Its process was ended by SIGKILL.');
    const broken = new TaskProcess('src/jobs/absent.js', null, () => undefined);
    expect(await broken.ended).toBe('Its process ended with code 1.');
  });
});

describe('the folder of a run', () => {
  it('has what the run before kept, which can no longer write there', async () => {
    const work = new WorkFolder(join(folder.path, 'job'));
    const first = await work.begin();
    await mkdir(join(first.work, 'below'));
    await writeFile(join(first.work, 'below', 'kept'), 'one');
    await writeFile(join(first.work, 'half.tmp'), 'tw');
    await writeFile(join(first.folder, 'video.mp4'), 'half');
    const late = await openFile(join(first.work, 'below', 'kept'), 'a');
    const second = await work.begin();
    await late.appendFile(' and what comes too late');
    await late.close();
    expect(await readFile(join(second.work, 'below', 'kept'), 'utf8')).toBe('one');
    expect(await readdir(second.work)).toEqual(['below']);
    expect(await readdir(second.folder)).toEqual([]);
    await expect(writeFile(join(first.work, 'more'), '')).rejects.toThrow('ENOENT');
    await expect(writeFile(join(first.folder, 'more'), '')).rejects.toThrow('ENOENT');
    expect((await readdir(join(folder.path, 'job'))).length).toBe(1);
  });

  it('is whole, or is not taken: a crash while it was made leaves the one before', async () => {
    const work = new WorkFolder(join(folder.path, 'job'));
    await writeFile(join(await work.keptBefore(), 'kept'), 'of an earlier form');
    await mkdir(join(folder.path, 'job', 'making-1', 'kept'), { recursive: true });
    const { work: kept } = await work.begin();
    expect(await readFile(join(kept, 'kept'), 'utf8')).toBe('of an earlier form');
    await work.remove();
    expect(await readdir(folder.path)).toEqual([]);
  });
});

interface Line {
  readonly iteration?: number;
  readonly state?: string;
  readonly events?: readonly string[];
  readonly video?: string;
}

/** Jobs in a process of its own. */
class OtherProcess {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  readonly #heard = new Set<() => void>();

  constructor(dataFolder: string) {
    const program = fileURLToPath(new URL('./fixtures/manager-process.mjs', import.meta.url));
    this.child = spawn(process.execPath, [program, dataFolder, '400'], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(this.child.stdout!).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      for (const look of this.#heard) look();
    });
  }

  until(fits: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.lines.find(fits);
        if (found === undefined) return;
        this.#heard.delete(look);
        resolve(found);
      };
      this.#heard.add(look);
      look();
    });
  }

  get worker(): number {
    return Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(this.child.pid)], { encoding: 'utf8' }));
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    await ended;
  }
}

/** Whether a process runs: one that has ended, and that nobody has asked about, does not. */
function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe.skipIf(process.platform !== 'linux')('a worker whose server is gone', () => {
  it('ends', async () => {
    const server = new OtherProcess(folder.path);
    await server.until(({ iteration = 0 }) => iteration > 3);
    const { worker } = server;
    await server.kill();
    await expect.poll(() => isAlive(worker)).toBe(false);
  });

  it('and who sleeps until the next server is at the job does no harm when it wakes', async () => {
    const whole = new OtherProcess(join(folder.path, 'whole'));
    const expected = await whole.until(({ state }) => state !== undefined);
    await whole.kill();
    const data = join(folder.path, 'data');
    const first = new OtherProcess(data);
    await first.until(({ iteration = 0 }) => iteration > 100);
    const { worker: orphan } = first;
    process.kill(orphan, 'SIGSTOP');
    await first.kill();
    const second = new OtherProcess(data);
    const { iteration: resumed } = await second.until(({ iteration = 0 }) => iteration > 0);
    expect(resumed).toBeGreaterThan(5);
    process.kill(orphan, 'SIGCONT');
    const { worker } = second;
    const end = await second.until(({ state }) => state !== undefined);
    await second.kill();
    expect(end).toMatchObject({ state: 'succeeded', video: expected.video });
    expect(end.events!.filter((state) => state === 'starting').length).toBe(2);
    const made = second.lines.flatMap(({ iteration }) => (iteration === undefined ? [] : [iteration]));
    expect(new Set(made)).toEqual(new Set(Array.from({ length: 401 - resumed! }, (_, i) => resumed! + i)));
    await expect.poll(() => [orphan, worker].filter(isAlive)).toEqual([]);
  });
});
