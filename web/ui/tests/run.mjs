// Runs the unit tests: each *.test.ts beside this file, through vite, under Node's own runner.
//
// Node 20 reads no TypeScript by itself, and the modules under test are those that are built.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { createServer } from 'vite';

// Times are shown as the reader's machine has them; tests have one machine.
process.env.TZ = 'UTC';

const folder = import.meta.dirname;
const server = await createServer({
  root: join(folder, '..'),
  configFile: join(folder, '../vite.config.ts'),
  logLevel: 'error',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
});
for (const name of readdirSync(folder).filter((file) => file.endsWith('.test.ts')).sort()) {
  await server.ssrLoadModule(join(folder, name));
}
await server.close();
