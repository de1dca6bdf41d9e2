// How the page is built: one script and one stylesheet, loaded from the server itself, at whatever path it is reached.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** @type {import('vite').UserConfig} */
export default {
  root: here,
  base: './',
  build: {
    outDir: join(here, '..', '..', 'dist', 'web'),
    emptyOutDir: true,
    // The content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // A slow machine is no reason for a warning.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // `npx vite clients/web` serves the page from its sources, beside a server that runs at its usual address.
  server: {
    proxy: { '^/(v1|openapi.json|healthz)': { target: 'http://127.0.0.1:8160', ws: true } },
  },
};
