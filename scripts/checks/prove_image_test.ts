/** Mistakes in the Dockerfile that `prove_image.sh` would find, but only on a machine with buildah. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8").split("\n");

/** Source paths and destination of every `COPY` from the repository. */
const copies = read("Dockerfile")
  .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
  .map((line) => line.split(/\s+/).slice(1).map((path) => path.replace(/^\.\//, "")))
  .map((paths) => ({ from: paths.slice(0, -1), to: paths.at(-1)! }));

Deno.test("the Dockerfile copies only what is there and .dockerignore lets in", () => {
  const letIn = read(".dockerignore").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const copied = copies.flatMap(({ from }) => from);
  assert.ok(copied.length >= 5, `found ${copied}`);
  for (const path of copied) {
    assert.ok(statSync(new URL(`../../${path}`, import.meta.url)), path);
    assert.ok(letIn.some((root) => path === root || path.startsWith(`${root}/`)), `${path} is kept out`);
  }
});

Deno.test("the Dockerfile runs scripts where it copied them to", () => {
  const scripts = copies.flatMap(({ from, to }) =>
    from.filter((path) => path.startsWith("scripts/")).map((path) => [path, `${to}${path.split("/").at(-1)}`])
  );
  const run = read("Dockerfile").flatMap((line) => line.match(/scripts\/\S+\.ts\b/g) ?? []);
  assert.ok(scripts.length >= 1);
  for (const [path, target] of scripts) assert.equal(target, path);
  for (const path of run) assert.ok(scripts.some(([from]) => from === path), `${path} is not copied`);
});

Deno.test("the image leaves out exactly the packages that only tests import", () => {
  const { imports } = JSON.parse(read("deno.json").join("\n")) as { imports: Record<string, string> };
  const { specifiers } = JSON.parse(read("deno.lock").join("\n")) as { specifiers: Record<string, string> };
  const [, left] = /npm:\(([^)]+)\)@/.exec(read("Dockerfile").join("\n"))!;
  const used = new Set(Object.values(imports));
  const onlyTests = Object.keys(specifiers).filter((name) => !used.has(name)).map((name) => name.split(/[:@]/)[1]);
  assert.deepEqual(left.split("|").sort(), onlyTests.sort());
});

Deno.test("the image starts on an address that others can reach, and says nothing of --insecure", () => {
  const [command] = read("Dockerfile").filter((line) => line.startsWith("CMD ["));
  assert.deepEqual(JSON.parse(command.slice("CMD ".length)), ["serve", "--host", "0.0.0.0"]);
});
