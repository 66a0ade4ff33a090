import assert from "node:assert/strict";
import { documents } from "./files.ts";
import { deadLinks, deadPaths } from "./links.ts";

Deno.test("links between documents lead to files that exist", () => {
  const found = documents();
  assert.ok(found.size >= 10, `found ${[...found.keys()]}`);
  const dead = [...found].flatMap(([path, text]) => deadLinks(path, text).map((target) => `${path}: ${target}`));
  assert.deepEqual(dead, []);
});

Deno.test("deadLinks() and deadPaths() report what is not there", () => {
  const text = "[a](README.md#start) [b](nowhere.md) [c](https://example.org/x.md) ![d](docs/gone.png)";
  assert.deepEqual(deadLinks("ARCHITECTURE.md", text), ["nowhere.md", "docs/gone.png"]);
  assert.deepEqual(deadLinks("docs/devices.md", "[a](benchmarks.md) [b](README.md) [c](../README.md)"), ["README.md"]);
  const named =
    "`src/graph/mod.ts` `graph/gone.ts` `graph/lower/` `graph/ROOM/x.ts` `src/ROOM/` `application/json` `scripts/no`";
  assert.deepEqual(deadPaths(named, ["graph"]), ["graph/gone.ts", "scripts/no"]);
});
