import assert from "node:assert/strict";
import { documents, texts } from "../files.ts";
import { deadLinks, deadPaths } from "./links.ts";

Deno.test("links between documents lead to files that exist", () => {
  const found = documents();
  assert.ok(found.size >= 10, `found ${[...found.keys()]}`);
  const dead = [...found].flatMap(([path, text]) => deadLinks(path, text).map((target) => `${path}: ${target}`));
  assert.deepEqual(dead, []);
});

Deno.test("documents name files and folders that exist", () => {
  const files = ["src", "scripts", "tests", "models", "docs"].flatMap((folder) => [...texts(folder, [""]).keys()]);
  // these pages also name files of other repositories
  const foreign = /^docs\/method\/([a-c]-|README)/;
  const own = [...documents()].filter(([path]) => !foreign.test(path));
  assert.deepEqual(own.flatMap(([path, text]) => deadPaths(text, files).map((named) => `${path}: ${named}`)), []);
});

Deno.test("deadLinks() and deadPaths() report what is not there", () => {
  const text = "[a](README.md#start) [b](nowhere.md) [c](https://example.org/x.md) ![d](docs/gone.png)";
  assert.deepEqual(deadLinks("ARCHITECTURE.md", text), ["nowhere.md", "docs/gone.png"]);
  assert.deepEqual(deadLinks("docs/devices.md", "[a](benchmarks.md) [b](README.md) [c](../README.md)"), ["README.md"]);
  const files = ["src/graph/mod.ts", "src/graph/lower/lists.ts", "scripts/checks/house.ts"];
  const named = "`src/graph/mod.ts` `graph/gone.ts` `graph/lower/` `lower/lists.ts` `lower/gone/` `graph/ROOM/x.ts` " +
    "`src/ROOM/` `application/json` `checks/house.ts` `house.ts`";
  assert.deepEqual(deadPaths(named, files), ["graph/gone.ts", "lower/gone/"]);
});
