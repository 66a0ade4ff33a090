/**
 * Import cases with one shape, number or attribute changed at random: either the importer refuses the file in its own
 * words, or ONNX Runtime computes the same from it and from Sulcus's file.
 */
import assert from "node:assert/strict";
import { encodeModel, importModel, verify } from "../src/graph/mod.ts";
import { Random, tensor } from "../src/tensor/mod.ts";
import { type CaseInput, IMPORT_CASES, type ImportCase, importCase } from "./testing/import_cases.ts";
import type { Attr } from "./testing/onnx_model.ts";
import { assertComputed, runModel } from "./testing/onnx_runtime.ts";

const ROUNDS = 500;

function changeShape(r: Random, shape: readonly number[]): number[] {
  const at = r.integer(shape.length + 1);
  const changes = [
    () => shape.map((d, k) => (k === at ? 1 + r.integer(5) : d)),
    () => shape.toSpliced(at, 0, 1 + r.integer(3)),
    () => shape.toSpliced(at, 1),
    () => shape.toReversed(),
  ];
  return changes[r.integer(changes.length)]();
}

function changeInput(r: Random, input: CaseInput): CaseInput {
  if (input === null || "feed" in input) return input;
  if (!("dtype" in input)) return changeShape(r, input);
  const values = Array.from(input.data as ArrayLike<number | bigint>, Number);
  values[r.integer(values.length)] = r.integer(11) - 4;
  return input.dtype === "bool" || values.length !== input.data.length
    ? input
    : tensor(input.dtype, input.shape, values);
}

function changeAttr(r: Random, value: Attr): Attr {
  if (typeof value === "number") return r.integer(8) - 3;
  if (typeof value === "string") return ["", "x", "constant", "linear", "nearest", "SAME_UPPER"][r.integer(6)];
  if ("dtype" in value) return value;
  const at = r.integer(value.length);
  return r.integer(3) === 0 ? value.slice(1) : value.map((v, k) => (k === at ? r.integer(7) - 2 : v));
}

function change(r: Random, c: ImportCase): ImportCase {
  const names = Object.keys(c.attrs ?? {});
  if (names.length > 0 && r.integer(3) === 0) {
    const name = names[r.integer(names.length)];
    return { ...c, attrs: { ...c.attrs, [name]: changeAttr(r, c.attrs![name]) } };
  }
  const at = r.integer(c.inputs.length);
  const kind = r.integer(10);
  if (kind === 0) return { ...c, inputs: c.inputs.slice(0, -1) };
  if (kind === 1) return { ...c, inputs: [...c.inputs, [2]] };
  return { ...c, inputs: c.inputs.map((x, k) => (k === at ? changeInput(r, x) : x)) };
}

Deno.test("importModel() refuses a changed file in its own words, or keeps its meaning", async () => {
  const r = new Random("import property");
  let refused = 0, same = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const c = change(r, IMPORT_CASES[r.integer(IMPORT_CASES.length)]);
    const { model, feeds } = importCase(c);
    const what = `${c.op} {${Object.entries(c.attrs ?? {})}} of ${Object.values(feeds).map((t) => `[${t.shape}]`)}`;
    let bytes: Uint8Array;
    try {
      const graph = importModel(model);
      verify(graph);
      bytes = encodeModel(graph);
    } catch (error) {
      assert.match((error as Error).message, /^Cannot import node "y0" \(\w+\): .*expected /, what);
      refused++;
      continue;
    }
    // a file that only ONNX Runtime refuses proves nothing
    const expected = await runModel(model, feeds).catch(() => undefined);
    if (expected === undefined) continue;
    const actual = await runModel(bytes, feeds);
    for (const [name, values] of Object.entries(expected)) assertComputed(actual[name], values, `${name} of ${what}`);
    same++;
  }
  assert.ok(refused > ROUNDS / 4 && same > ROUNDS / 4, `${refused} refused, ${same} the same`);
});
