/** The server's public surface. */
export {
  configFromEnvironment,
  resolveConfig,
  serverConfig,
  type ServerConfig,
  type ServerConfigInput,
} from './config.js';
export { createServer, NeuroreelServer, type ServerParts } from './server.js';
export { closeOnSignals } from './shutdown.js';
