/**
 * Entry of a thread of a worker process that ends the process, and what it has started, when the server is gone: also while
 * the main thread is in native code and hears nothing.
 */
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

/** Ends this process and its group; where it leads none, itself. */
function end(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.kill(process.pid, 'SIGKILL');
  }
}

const pipe = new Socket({ fd: workerData as number, readable: true, writable: false });
pipe.on('error', end);
pipe.on('close', end);
pipe.resume();
