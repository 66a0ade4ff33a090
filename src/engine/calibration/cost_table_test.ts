import assert from "node:assert/strict";
import { dirname } from "node:path";
import { costTable, costTablePath, readCosts, readTable } from "./cost_table.ts";
import { openEngine } from "../mod.ts";

const DEVICE = { provider: "cpu", deviceName: "CPU, 2 threads", precision: "float32" } as const;
const COSTS = { "a/b": { withoutMs: 2, withMs: 1.5 }, "a/c": { withoutMs: Infinity, withMs: 4 } };

async function inData(text: string | undefined, work: (data: string) => Promise<void>): Promise<void> {
  const data = await Deno.makeTempDir();
  try {
    const path = costTablePath(data, "cpu");
    if (text !== undefined) {
      await Deno.mkdir(dirname(path));
      await Deno.writeTextFile(path, text);
    }
    await work(data);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

Deno.test("readCosts() gives what was measured of the device, refused forms too, and nothing where nothing was", async () => {
  const warn = (message: string) => assert.fail(message);
  await inData(undefined, async (data) => assert.equal(await readCosts(data, DEVICE, { warn }), undefined));
  await inData(JSON.stringify(costTable(DEVICE, COSTS)), async (data) => {
    assert.deepEqual(await readCosts(data, DEVICE, { warn }), COSTS);
    assert.equal(await readCosts(data, { ...DEVICE, provider: "cuda" }, { warn }), undefined);
  });
});

Deno.test("readTable() gives the times of whole work, of which some may be missing", async () => {
  const warn = (message: string) => assert.fail(message);
  for (const workMs of [undefined, {}, { inference: 12 }, { inference: 12, training: 300 }]) {
    await inData(JSON.stringify(costTable(DEVICE, COSTS, workMs)), async (data) => {
      assert.deepEqual((await readTable(data, DEVICE, { warn }))?.workMs, workMs);
    });
  }
});

Deno.test("readCosts() refuses a table of another device, version or form, in words", async () => {
  const table = costTable(DEVICE, COSTS);
  const kinds = { "a/b": { withoutMs: -1, withMs: 1 } };
  const cases: [string, string][] = [
    ["{", "expected JSON"],
    ["[]", "the file: Invalid input: expected object, received array"],
    [JSON.stringify({ ...table, format: 0 }), "format: Invalid input: expected 1"],
    [JSON.stringify({ ...table, workMs: { training: 0 } }), "workMs.training: Too small: expected number to be >0"],
    [JSON.stringify({ ...table, kinds }), "kinds.a/b.withoutMs: Too small: expected number to be >0"],
    [
      JSON.stringify({ ...table, deviceName: "CPU, 8 threads" }),
      "it was made for CPU, 8 threads, this is CPU, 2 threads",
    ],
    [JSON.stringify({ ...table, precision: "mixed" }), "it was made for mixed, this is float32"],
    [
      JSON.stringify({ ...table, runtime: "onnxruntime-node@1.0.0" }),
      `it was made for onnxruntime-node@1.0.0, this is ${table.runtime}`,
    ],
  ];
  for (const [text, why] of cases) {
    await inData(text, async (data) => {
      const warnings: string[] = [];
      assert.equal(await readCosts(data, DEVICE, { warn: (message) => warnings.push(message) }), undefined);
      assert.deepEqual(warnings, [
        `The calibration of cpu is not used: ${why}. \`sulcus bench --calibrate\` makes a new one`,
      ]);
    });
  }
});

Deno.test("openEngine() lowers by the costs of its device, and warns why it does not use those of another", () =>
  inData(JSON.stringify(costTable(DEVICE, COSTS)), async (data) => {
    const warnings: string[] = [];
    const other = await openEngine("cpu", { dataDirectory: data, warn: (message) => warnings.push(message) });
    await other.close();
    assert.equal(other.lowering.costs, undefined);
    assert.match(warnings.join(), /^The calibration of cpu is not used: it was made for CPU, 2 threads, this is /);
    await Deno.writeTextFile(costTablePath(data, "cpu"), JSON.stringify(costTable(other, COSTS)));
    const engine = await openEngine("cpu", { dataDirectory: data });
    await engine.close();
    assert.deepEqual(engine.lowering.costs, COSTS);
  }));
