// Runs the tests of a module for wasm32; cargo calls it with the module's path.
//
// Each test is an export and gets a fresh instance, since a panic leaves nothing that could go on.
// The module may import what is below and nothing else: there is no clock, and no system.
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";

// What getRandomValues fills at once.
const RANDOM_MAX = 65_536;
const MAY_IMPORT = ["sysmaint.random", "sysmaint.panicked"];

const [path, ...filters] = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const module = new WebAssembly.Module(readFileSync(path));

const foreign = WebAssembly.Module.imports(module)
  .map((wanted) => `${wanted.module}.${wanted.name}`)
  .filter((name) => !MAY_IMPORT.includes(name));
if (foreign.length > 0) {
  console.error(`the module imports what nobody gives it: ${foreign.join(", ")}`);
  process.exit(1);
}

const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
const chosen = (kind) => exported
  .filter((name) => name.startsWith(`${kind} `))
  .map((name) => name.slice(kind.length + 1))
  .filter((name) => filters.every((part) => name.includes(part)))
  .sort();
const [tests, ignored] = [chosen("test"), chosen("ignored")];

console.log(`\nrunning ${tests.length} tests on wasm32`);
const failures = tests.filter((name) => !passes(name));
for (const name of ignored) {
  console.log(`test ${name} ... ignored`);
}
const verdict = failures.length === 0 ? "ok" : "FAILED";
const passed = tests.length - failures.length;
console.log(
  `\ntest result: ${verdict}. ${passed} passed; ${failures.length} failed; ` +
    `${ignored.length} ignored`,
);
// A module without a test is one whose root does not ask for the exports.
const nothing = exported.length > 0 && tests.length + ignored.length === 0 && filters.length === 0;
if (nothing) {
  console.error("there is no test in it");
}
process.exit(failures.length > 0 || nothing ? 1 : 0);

function passes(name) {
  let said = "";
  const memory = (at, length) => new Uint8Array(instance.exports.memory.buffer, at >>> 0, length);
  const sysmaint = {
    random(at, length) {
      for (let done = 0; done < length; done += RANDOM_MAX) {
        const piece = memory(at + done, Math.min(RANDOM_MAX, length - done));
        webcrypto.getRandomValues(piece);
      }
    },
    panicked(at, length) {
      said = new TextDecoder().decode(memory(at, length));
    },
  };
  const instance = new WebAssembly.Instance(module, { sysmaint });
  try {
    instance.exports[`test ${name}`]();
  } catch (trap) {
    console.log(`test ${name} ... FAILED\n${said || trap.stack}`);
    return false;
  }
  console.log(`test ${name} ... ok`);
  return true;
}
