/** What `prove_image.sh` would find only where there is buildah: a file that the Dockerfile copies and .dockerignore keeps out. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8").split("\n");

Deno.test("the Dockerfile copies only what is there and .dockerignore lets in", () => {
  const letIn = read(".dockerignore").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const copied = read("Dockerfile")
    .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
    .flatMap((line) => line.split(/\s+/).slice(1, -1))
    .map((path) => path.replace(/^\.\//, ""));
  assert.ok(copied.length >= 5, `found ${copied}`);
  for (const path of copied) {
    assert.ok(statSync(new URL(`../../${path}`, import.meta.url)), path);
    assert.ok(letIn.some((root) => path === root || path.startsWith(`${root}/`)), `${path} is kept out`);
  }
});
