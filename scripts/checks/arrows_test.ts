import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkArrows, findCycles, importsOf, readSources } from "./arrows.ts";

const check = (files: Record<string, string>) => checkArrows(new Map(Object.entries(files)));

const WRONG: { name: string; files: Record<string, string>; problem: RegExp }[] = [
  {
    name: "an arrow that points upwards",
    files: { "src/graph/a.ts": `import { b } from "../engine/b.ts";`, "src/engine/b.ts": "" },
    problem: /^src\/graph\/a\.ts: imports "\.\.\/engine\/b\.ts": the arrow from graph\/ to engine\/ points upwards$/,
  },
  {
    name: "an upward arrow for a type alone",
    files: { "src/volume/a.ts": `import type { B } from "../train/types.ts";`, "src/train/types.ts": "" },
    problem: /from volume\/ to train\/ points upwards/,
  },
  {
    name: "an upward dynamic import",
    files: { "src/jobs/a.ts": `const m = await import("../server/mod.ts");`, "src/server/mod.ts": "" },
    problem: /from jobs\/ to server\/ points upwards/,
  },
  {
    name: "an upward worker file",
    files: { "src/engine/a.ts": `new URL("../nets/child.ts", import.meta.url)`, "src/nets/child.ts": "" },
    problem: /from engine\/ to nets\/ points upwards/,
  },
  {
    name: "ONNX Runtime outside engine/",
    files: { "src/train/a.ts": `import * as ort from "onnxruntime-node";` },
    problem: /"onnxruntime-node": only engine\/ may import it/,
  },
  {
    name: "ONNX Runtime by its npm: name",
    files: { "src/inference/a.ts": `import ort from "npm:onnxruntime-web@1.30.0";` },
    problem: /only engine\/ may import it/,
  },
  {
    name: "Hono outside server/",
    files: { "src/jobs/a.ts": `import { streamSSE } from "hono/streaming";` },
    problem: /"hono\/streaming": only server\/ may import it/,
  },
  {
    name: "ONNX protobufs outside graph/",
    files: { "src/registry/a.ts": `import { onnx } from "onnx-buf";` },
    problem: /only graph\/ may import it/,
  },
  {
    name: "server/ that knows tensors",
    files: { "src/server/a.ts": `import { tensor } from "../graph/tensor.ts";` },
    problem: /server\/ must not know tensors and ONNX, so not graph\//,
  },
  {
    name: "cli/ that knows tensors",
    files: { "src/cli/a.ts": `import { tensor } from "../graph/tensor.ts";` },
    problem: /cli\/ must not know tensors, so not graph\//,
  },
  {
    name: "nets/ that knows providers",
    files: { "src/nets/a.ts": `import type { Engine } from "../engine/engine.ts";` },
    problem: /nets\/ must not know data and providers/,
  },
  {
    name: "another room's inner file",
    files: {
      "src/train/a.ts": `import { b } from "../graph/walk.ts";`,
      "src/graph/walk.ts": "",
      "src/graph/mod.ts": "",
    },
    problem: /graph\/ is entered by src\/graph\/mod\.ts/,
  },
  {
    name: "a product file that imports a script",
    files: { "src/train/a.ts": `import { makePhantom } from "../../scripts/phantom.ts";` },
    problem: /src\/ may not import from outside src\//,
  },
  {
    name: "a file outside the rooms",
    files: { "src/utils/a.ts": "" },
    problem: /src\/utils\/a\.ts: expected a file in one of the rooms cli, server/,
  },
  {
    name: "a cycle",
    files: {
      "src/graph/a.ts": `import { b } from "./b.ts";`,
      "src/graph/b.ts": `export { c } from "./c.ts";`,
      "src/graph/c.ts": `import "./a.ts";`,
    },
    problem: /a cycle src\/graph\/a\.ts → src\/graph\/b\.ts → src\/graph\/c\.ts → src\/graph\/a\.ts/,
  },
  {
    name: "a cycle of types alone",
    files: {
      "src/graph/a.ts": `import type { B } from "./b.ts";`,
      "src/graph/b.ts": `import { type A } from "./a.ts";`,
    },
    problem: /a cycle src\/graph\/a\.ts → src\/graph\/b\.ts → src\/graph\/a\.ts/,
  },
];

for (const { name, files, problem } of WRONG) {
  Deno.test(`checkArrows() refuses ${name}`, () => {
    const problems = check(files);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0], problem);
  });
}

Deno.test("checkArrows() accepts downward arrows, interfaces and a test's phantom", () => {
  assert.deepEqual(
    check({
      "src/train/a.ts": `import { g } from "../graph/mod.ts";\nimport { tensor } from "../tensor/tensor.ts";`,
      "src/tensor/tensor.ts": "",
      "src/graph/mod.ts": `export { tensor } from "./tensor.ts";`,
      "src/graph/tensor.ts": `import type { X } from "./x.ts";\nimport { type Y } from "./x.ts";`,
      "src/engine/providers/cpu.ts": `import * as ort from "onnxruntime-node";`,
      "src/volume/a_test.ts": `import { makePhantom } from "../../scripts/phantom.ts";`,
      "scripts/x.ts": `import { a } from "../src/cli/a.ts";`,
    }),
    [],
  );
});

Deno.test("importsOf() reads every form and neither comments nor plain exports", () => {
  const source = [
    `import a, { type B } from "a";`,
    `import {`,
    `  type C,`,
    `  type D,`,
    `} from "c";`,
    `import type E from "e";`,
    `export * from "f";`,
    `export type { G } from "g";`,
    `import "h";`,
    `  const i = await import("i");`,
    `// import j from "j";`,
    ` * import("k")`,
    `export const l = "l";`,
    `const m = import.meta.resolve("./m.ts");`,
  ].join("\n");
  assert.deepEqual(importsOf(source), [
    { specifier: "a", kind: "value" },
    { specifier: "c", kind: "type" },
    { specifier: "e", kind: "type" },
    { specifier: "f", kind: "value" },
    { specifier: "g", kind: "type" },
    { specifier: "h", kind: "value" },
    { specifier: "i", kind: "value" },
    { specifier: "./m.ts", kind: "url" },
  ]);
});

Deno.test("findCycles() finds one cycle in a graph with a shared leaf and none without", () => {
  const tree = new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]], ["d", []]]);
  assert.deepEqual(findCycles(tree), []);
  assert.deepEqual(findCycles(new Map([...tree, ["d", ["c"]]])), [["d", "c", "d"]]);
});

Deno.test("arrows.ts exits 1 and names file and import on a wrong tree, 0 on a right one", async () => {
  const root = mkdtempSync(join(tmpdir(), "arrows_"));
  try {
    mkdirSync(join(root, "scripts/checks"), { recursive: true });
    mkdirSync(join(root, "src/metrics"), { recursive: true });
    mkdirSync(join(root, "src/graph"));
    const script = join(root, "scripts/checks/arrows.ts");
    for (const file of ["arrows.ts", "house.ts"]) {
      writeFileSync(join(root, "scripts/checks", file), Deno.readTextFileSync(join(import.meta.dirname!, file)));
    }
    const run = async () => {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script] }).output();
      return { code, stderr: new TextDecoder().decode(stderr) };
    };
    writeFileSync(join(root, "src/metrics/dice.ts"), `import { tensor } from "../graph/tensor.ts";\n`);
    const wrong = await run();
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /src\/metrics\/dice\.ts: imports "\.\.\/graph\/tensor\.ts"/);
    writeFileSync(join(root, "src/metrics/dice.ts"), `export const x = 1;\n`);
    assert.equal((await run()).code, 0);
    assert.deepEqual([...readSources(root).keys()], ["src/metrics/dice.ts"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
