/** The contract between server, workers and clients: everything in one import. Runs in browsers as well as in Node. */
export * from './errors.js';
export * from './evaluation.js';
export * from './figures.js';
export * from './frame-header.js';
export * from './http.js';
export * from './jobs.js';
export * from './manifest.js';
export * from './audit-report.js';
export * from './presets.js';
export * from './report.js';
export * from './runtimes.js';
export * from './self-test-report.js';
export * from './steering.js';
export * from './stream.js';
export * from './synthesis.js';
export * from './unit-batch.js';
export * from './validation.js';
