// How the pages are built: plain entries, no router, nothing inline.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin, type ProxyOptions } from 'vite';

const root = import.meta.dirname;
const dist = join(root, 'dist');

/** For `npm run dev`: where a sysmaint runs whose API the pages use meanwhile. */
const server = process.env.SYSMAINT_WEB ?? 'http://127.0.0.1:3000';

export default defineConfig({
  root,
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } }), entriesWithoutEnding(), compressed()],
  build: {
    outDir: dist,
    emptyOutDir: true,
    target: 'es2023',
    // Scripts and styles stay files of their own: the policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: 'licenses.txt' },
    rolldownOptions: {
      input: ['index', 'chat', 'demo', 'login'].map((name) => join(root, `${name}.html`)),
    },
  },
  server: { proxy: Object.fromEntries(['/api', '/source', '/health'].map((path) => [path, proxy()])) },
});

/** The server answers only to its own name, and only to its own pages. */
function proxy(): ProxyOptions {
  return {
    target: server,
    changeOrigin: true,
    configure: (proxied) => {
      proxied.on('proxyReq', (request) => {
        if (request.hasHeader('origin')) request.setHeader('origin', server);
      });
    },
  };
}

/** `/chat` is `chat.html`, as the web server has it. */
function entriesWithoutEnding(): Plugin {
  return {
    name: 'entries-without-ending',
    configureServer: ({ middlewares }) => {
      middlewares.use((request, _response, next) => {
        request.url = request.url?.replace(/^\/(chat|demo|login)(?=$|\?)/, '/$1.html');
        next();
      });
    },
  };
}

/** Compressed variants beside each file that they make smaller. */
function compressed(): Plugin {
  let made = dist;
  return {
    name: 'compressed',
    apply: 'build',
    configResolved: ({ build }) => {
      made = build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(made, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = readFileSync(path);
        const variants = {
          br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
          gz: gzipSync(bytes, { level: 9 }),
        };
        for (const [ending, variant] of Object.entries(variants)) {
          if (variant.length < bytes.length) writeFileSync(`${path}.${ending}`, variant);
        }
      }
    },
  };
}
