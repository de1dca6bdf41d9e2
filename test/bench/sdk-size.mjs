// How much of a page the SDK takes: bundled for browsers, minified, compressed. `node test/bench/sdk-size.mjs`
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../../clients/js/index.ts', import.meta.url))],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  write: false,
});
const bytes = outputFiles[0].contents;
console.log(`${bytes.length} bytes, ${gzipSync(bytes).length} with gzip`);
