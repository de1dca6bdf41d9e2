#!/usr/bin/env node
import { ensureBuilt } from '../scripts/build.mjs';

await ensureBuilt();
const { main } = await import('../dist/clients/cli/main.js');
await main(process.argv.slice(2));
