/** The whole server as a process of its own, to be killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/jobs/package-root.js';
import { isFinal, type Artifact, type Job, type JobWithHistory } from '../../src/protocol/index.js';

/** Milliseconds between two looks at a job. */
const LOOK_MS = 25;

export interface Place {
  /** Data folder. */
  readonly data: string;
  /** Folder of model packages. */
  readonly models: string;
}

export class ServerProcess {
  readonly #child: ChildProcess;
  /** Address without the last slash. */
  readonly url: string;
  readonly #ended: Promise<number | null>;

  private constructor(child: ChildProcess, url: string, ended: Promise<number | null>) {
    this.#child = child;
    this.url = url;
    this.#ended = ended;
  }

  /** Starts a server on a free port and waits until it answers. */
  static async start({ data, models }: Place): Promise<ServerProcess> {
    const args = ['serve', '--port', '0', '--json', '--log', 'error', '--data', data, '--models', models];
    const child = spawn(
      process.execPath,
      [join(packageRoot, 'bin', 'neuroreel.mjs'), ...args, '--checkpoint-seconds', '0.1'],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NEUROREEL_CACHE_MB: '0' } },
    );
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    let said = '';
    child.stderr.on('data', (part: Buffer) => (said += part.toString()));
    const url = await new Promise<string>((resolve, reject) => {
      let out = '';
      child.stdout.on('data', (part: Buffer) => {
        out += part.toString();
        const found = /"url": "(http:\/\/[^"]+)\/"/.exec(out)?.[1];
        if (found !== undefined) resolve(found);
      });
      void ended.then(() => reject(new Error(`The server ended before it listened: ${said}`)));
    });
    return new ServerProcess(child, url, ended);
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Tells it to stop, and waits until it has: for its exit status. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      ...(body !== undefined && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  job(id: string): Promise<JobWithHistory> {
    return this.call('GET', `/v1/jobs/${id}`);
  }

  /** Waits until a job fits. */
  async until(id: string, fits: (job: Job) => boolean): Promise<Job> {
    for (;;) {
      const job = await this.job(id);
      if (fits(job)) return job;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  end(id: string): Promise<Job> {
    return this.until(id, ({ state }) => isFinal(state));
  }

  /** SHA-256 of a job's MP4; null when it left none. */
  async mp4(id: string): Promise<string | null> {
    const { artifacts } = await this.call<{ artifacts: Artifact[] }>('GET', `/v1/jobs/${id}/artifacts`);
    return artifacts.find(({ name }) => name === 'video.mp4')?.sha256 ?? null;
  }

  async jobs(query = ''): Promise<Job[]> {
    return (await this.call<{ jobs: Job[] }>('GET', `/v1/jobs?limit=1000${query}`)).jobs;
  }
}
