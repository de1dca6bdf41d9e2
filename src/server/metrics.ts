/** What can be measured of a running server, in the text format of Prometheus. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EventLoopMonitor } from '../jobs/event-loop.js';
import type { JobManager } from '../jobs/manager.js';
import type { Job, JobProgress } from '../protocol/index.js';

export interface MetricsSources {
  readonly manager: JobManager;
  readonly monitor: EventLoopMonitor;
  readonly viewers: () => number;
  readonly subscriptions: () => number;
}

const STEP_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];
const ENCODE_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

/** Counts while a server runs; values that can be asked for are asked for when somebody looks. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricsSources;
  readonly #states = this.#add(
    new Counter({ ...named('job_states_total', 'Changes of jobs to a state.'), labelNames: ['state', 'kind'] }),
  );
  readonly #steps = this.#add(
    new Histogram({
      ...named('step_seconds', 'Seconds of an iteration (running mean of the job, observed at each).'),
      buckets: STEP_BUCKETS,
    }),
  );
  readonly #encodings = this.#add(
    new Histogram({
      ...named('encode_seconds', 'Seconds that encoding a picture for viewers took.'),
      labelNames: ['format'],
      buckets: ENCODE_BUCKETS,
    }),
  );
  readonly #sent = this.#add(
    new Counter({ ...named('frames_sent_total', 'Pictures sent to viewers.'), labelNames: ['format'] }),
  );
  readonly #sentBytes = this.#add(new Counter(named('frame_bytes_sent_total', 'Bytes of pictures sent to viewers.')));
  readonly #dropped = this.#add(
    new Counter(named('frames_dropped_total', 'Pictures that a viewer read too slowly to get.')),
  );
  readonly #evicted = this.#add(
    new Counter(named('viewers_evicted_total', 'Viewers that were hung up on because they read too slowly.')),
  );
  /** Iteration that each live job was last observed at. */
  readonly #iterations = new Map<string, number>();
  readonly #onState = ({ id, state, endedAt, request }: Job): void => {
    this.#states.inc({ state, kind: request.kind });
    if (endedAt !== null) this.#iterations.delete(id);
  };
  readonly #onProgress = (id: string, { iteration, secondsPerIteration }: JobProgress): void => {
    if (this.#iterations.get(id) === iteration) return;
    this.#iterations.set(id, iteration);
    this.#steps.observe(secondsPerIteration);
  };

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    const { manager } = sources;
    manager.events.on('state', this.#onState);
    manager.events.on('progress', this.#onProgress);
    manager.frames.onEncoded = (format, seconds) => this.#encodings.observe({ format }, seconds);
    this.#addGauges();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  sent(format: string, bytes: number): void {
    this.#sent.inc({ format });
    this.#sentBytes.inc(bytes);
  }

  dropped(): void {
    this.#dropped.inc();
  }

  evicted(): void {
    this.#evicted.inc();
  }

  /** Everything, as Prometheus reads it. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#sources.manager.events.off('state', this.#onState);
    this.#sources.manager.events.off('progress', this.#onProgress);
  }

  #addGauges(): void {
    const { manager, monitor, viewers, subscriptions } = this.#sources;
    const gauge = (name: string, help: string, read: () => number): void => {
      this.#add(new Gauge({ ...named(name, help), collect() { this.set(read()); } })); // prettier-ignore
    };
    this.#add(
      new Gauge({
        ...named('jobs', 'Jobs by where they are: waiting, at work, ended.'),
        labelNames: ['state'],
        collect() {
          for (const [state, count] of Object.entries(manager.counts)) this.set({ state }, count);
        },
      }),
    );
    gauge('viewers', 'Open WebSocket connections.', viewers);
    gauge('subscriptions', 'Jobs that are watched, over all viewers.', subscriptions);
    gauge('resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss());
    gauge(
      'worker_resident_bytes',
      'Resident memory of the process that does the job; 0 while there is none.',
      () => manager.workerBytes,
    );
    gauge('heap_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
    gauge('external_memory_bytes', 'Memory of buffers.', () => process.memoryUsage().external);
    gauge('cpu_seconds', 'Processor time of the process so far.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    gauge('uptime_seconds', 'Time since the process started.', () => process.uptime());
    gauge('event_loop_max_pause_seconds', 'Longest pause of the event loop.', () => monitor.maxPauseMs / 1000);
    gauge('event_loop_p99_pause_seconds', '99th percentile of its pauses.', () => monitor.p99PauseMs / 1000);
  }

  #add<T extends Counter | Gauge | Histogram>(metric: T): T {
    this.#registry.registerMetric(metric);
    return metric;
  }
}

/** No registry: metrics of two servers of one process must not meet. */
function named(name: string, help: string): { name: string; help: string; registers: [] } {
  return { name: `neuroreel_${name}`, help, registers: [] };
}
