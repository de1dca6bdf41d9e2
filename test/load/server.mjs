// A server in a process of its own, for measuring: answers `reset` and `read` of its parent with the pauses of its event
// loop and its memory since the reset. Usage: node server.mjs DATA-FOLDER (the models that ship, and an endless kind)
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createServer } from '../../dist/src/server/index.js';

const RESOLUTION_MS = 10;
const server = await createServer({
  ...{ port: 0, dataFolder: process.argv[2], logLevel: 'error', maxRequestsPerMinute: 10_000_000 },
  ...{ maxMessagesPerSecond: 1_000_000, queueLimit: 1000, maxBacklogBytes: 1024 * 1024 },
});
const url = await server.listen();
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('message', (word) => {
  if (word === 'reset') delay.reset();
  if (word === 'stop') {
    void server.close().then(() => process.exit(0));
    return;
  }
  const maxPauseMs = delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  process.send({ type: 'read', maxPauseMs, rss: process.memoryUsage.rss() });
});
process.send({ type: 'url', url });
