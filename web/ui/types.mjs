// Writes the types of the web server's answers, made of its OpenAPI document. With --check they
// are compared and not written.
//
// Only the schemas are taken: which path has which of them is one line in src/messenger/server.ts.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';

const described = join(import.meta.dirname, '../../docs/web-openapi.json');
const written = join(import.meta.dirname, 'src/messenger/api.ts');

const { openapi, info, components: { schemas } } = JSON.parse(readFileSync(described, 'utf8'));
const made = COMMENT_HEADER + astToString(await openapiTS({ openapi, info, paths: {}, components: { schemas } }));

if (!process.argv.includes('--check')) {
  writeFileSync(written, made);
} else if (readFileSync(written, 'utf8') !== made) {
  console.error("src/messenger/api.ts is not what docs/web-openapi.json says: run 'npm run types'");
  process.exitCode = 1;
}
