/** Models exported by other software: imported, they and their gradients agree with PyTorch in float64. */
import assert from "node:assert/strict";
import {
  decodeModel,
  evaluate,
  gradients,
  type Graph,
  GraphBuilder,
  IMPORT_LIMITS,
  importModel,
  type Value,
  verify,
} from "../src/graph/mod.ts";
import { tensor } from "../src/tensor/mod.ts";
import { batchNorm } from "../src/train/step/batch_norm.ts";
import { foreignModel } from "./testing/onnx_model.ts";
import {
  type Fixture,
  FIXTURES,
  hostileFixtures,
  loadFixture,
  summarise,
  summaryDifference,
  wave,
} from "./fixtures/mod.ts";

/** Exporters that fold BatchNormalization or √scale into float32 constants differ from the network by their rounding. */
const ROUNDED = 1e-6;
/** Looser than for outputs: gradient rules write slopes such as LeakyRelu's as float32 constants. */
const EXACT = { outputs: 1e-11, gradients: 1e-8 };
const ROUNDED_FIXTURES = new Set(["conv_dynamo", "vit_legacy14", "vit_legacy17", "vit_dynamo"]);

function importFixture(f: Fixture): Graph {
  const graph = importModel(f.model, { shapes: { [f.input.name]: f.input.shape } });
  verify(graph);
  return graph;
}

/** The network with some constants as inputs, the loss Σ mean(output²), and its gradients with respect to them. */
function lossGraph(graph: Graph, { wanted, training }: { wanted: readonly string[]; training: boolean }): Graph {
  const b = new GraphBuilder();
  const { op } = b;
  const values = b.inline(
    graph,
    (name, type, constant) => (constant === undefined || wanted.includes(name) ? b.input(name, type) : undefined),
    (node, known) => {
      if (!training || node.op !== "BatchNormalization") return undefined;
      const [x, scale, bias, mean, variance] = node.inputs.map((n) => known.get(n)!);
      return batchNorm(op, { x, scale, bias, mean, variance }, { epsilon: Number(node.attrs.epsilon) }).y;
    },
  );
  const energies = graph.outputs.map((name) => {
    const y = values.get(name)!;
    return op.ReduceMean(op.Mul(y, y), null, { keepdims: 0 });
  });
  const loss = energies.reduce((sum, e) => op.Add(sum, e));
  const grads = gradients(b, loss, wanted.map((name) => values.get(name)!));
  const outputs: Record<string, Value> = { "the loss": loss };
  for (const name of graph.outputs) outputs[`out ${name}`] = values.get(name)!;
  wanted.forEach((name, i) => outputs[`d ${name}`] = grads[i]);
  return b.build("loss", outputs);
}

for (const name of FIXTURES) {
  Deno.test(`importModel() reads ${name}, which computes and differentiates as PyTorch does`, () => {
    const f = loadFixture(name);
    const rtol = ROUNDED_FIXTURES.has(name) ? { outputs: ROUNDED, gradients: ROUNDED } : EXACT;
    const graph = importFixture(f);
    const wanted = Object.keys(f.gradients);
    const step = lossGraph(graph, { wanted, training: name === "conv_bn_training" });
    verify(step);
    const weights = Object.fromEntries(wanted.map((w) => {
      assert.ok(graph.constants.has(w), `expected weight ${w} under its own name`);
      return [w, graph.constants.get(w)!];
    }));
    const out = evaluate(step, { ...weights, [f.input.name]: tensor("float32", f.input.shape, wave(f.input.shape)) });
    const check = (what: string, expected: Fixture["outputs"][string], tolerance: number) => {
      const { shape, data } = out[what];
      assert.equal(summaryDifference(summarise(shape, data), expected, tolerance), undefined, what);
    };
    for (const [output, expected] of Object.entries(f.outputs)) check(`out ${output}`, expected, rtol.outputs);
    for (const [weight, expected] of Object.entries(f.gradients)) check(`d ${weight}`, expected, rtol.gradients);
    assert.ok(
      Math.abs(out["the loss"].data[0] / f.loss - 1) <= rtol.outputs,
      `loss ${out["the loss"].data[0]}, expected ${f.loss}`,
    );
  });
}

/** File → words of its refusal. */
const REFUSALS: Readonly<Record<string, [new (message: string) => Error, RegExp]>> = {
  "external_data.onnx": [TypeError, /initializer "w": expected the plain name of a file beside .*\.\.\/etc\/passwd"/],
  "external_data_in_constant.onnx": [
    TypeError,
    /attribute "value" of node "w" \(Constant\): expected the plain name of a file beside the model .*"\/etc\/passwd"/,
  ],
  "external_backslash.onnx": [TypeError, /expected the plain name of a file beside the model .*"\.\.\\\\w\.data"/],
  "external_drive.onnx": [TypeError, /expected the plain name of a file beside the model .*"C:w.data"/],
  "external_nul.onnx": [TypeError, /expected the plain name of a file beside the model .*"w.data\\u0000.txt"/],
  "external_dots.onnx": [TypeError, /expected the plain name of a file beside the model .*"\.\."/],
  "external_negative_offset.onnx": [
    RangeError,
    /expected a whole number of bytes as offset of external data, got "-4"/,
  ],
  "external_short_length.onnx": [RangeError, /initializer "w": expected external data of 4 bytes, got a length of 2/],
  "external_not_given.onnx": [
    TypeError,
    /expected its weights inside the file, got some in "w.data": give these files/,
  ],
  "unknown_domain.onnx": [TypeError, /node "out" \(Frobnicate\): .*got domain "com.example.custom"/],
  "contrib_domain.onnx": [TypeError, /node "out" \(FastGelu\): .*got domain "com.microsoft"/],
  "unknown_operator.onnx": [TypeError, /node "out" \(Frobnicate\): expected an operator that Sulcus knows/],
  "recursive_function.onnx": [TypeError, /\(Ping\) in domain "local": expected no function that calls itself/],
  "exploding_functions.onnx": [RangeError, /expected at most 100000 nodes, got 1048576: export/],
  "string_tensor.onnx": [TypeError, /initializer "w": expected float32, .* got string/],
  "dynamic_spatial.onnx": [RangeError, /input "image" \[1, 1, depth, height, width\]: expected a size .*"depth"/],
  "unknown_rank.onnx": [TypeError, /input "image": expected a tensor with a rank/],
  "absurd_input.onnx": [RangeError, /input "image": expected at most 2147483648 elements/],
  "absurd_initializer.onnx": [RangeError, /initializer "w": expected at most 2147483648 elements/],
  "absurd_expand.onnx": [RangeError, /node "big" \(Expand\): expected at most 2147483648 elements/],
  "negative_dimension.onnx": [RangeError, /input "image" .*expected a size for dimension 2/],
  "short_raw_data.onnx": [RangeError, /initializer "w": expected 16 bytes for float32\[4\], got 7/],
  "cycle.onnx": [RangeError, /node "a" \(Add\): expected inputs defined before it, got "b", one that it or a later/],
  "undefined_input.onnx": [RangeError, /node "out" \(Add\): .*got "nobody", one that nothing defines/],
  "name_made_twice.onnx": [RangeError, /expected unique names, got "out" twice/],
  "missing_output.onnx": [RangeError, /output "out" is not defined/],
  "control_flow.onnx": [TypeError, /node "out" \(If\): expected a condition that follows from constants .*onnxsim/],
  "loop.onnx": [TypeError, /node "out" \(Loop\): .*export without torch.jit.script/],
  "sparse_initializer.onnx": [TypeError, /initializer "w": expected a dense tensor, got a sparse one/],
  "future_opset.onnx": [RangeError, /expected ONNX operator set 7 to 28, got 999: .*opset_version=17/],
  "training_info.onnx": [TypeError, /expected no training information/],
  "no_outputs.onnx": [SyntaxError, /expected an output, got none/],
  "bad_group.onnx": [RangeError, /node "out" \(Conv\): expected groups that divide 2 channels, got 7/],
  "nested.onnx": [RangeError, /expected at most 100 messages inside each other/],
  "truncated.onnx": [SyntaxError, /expected an ONNX file, got unreadable bytes \(it is cut short\)/],
  "empty.onnx": [SyntaxError, /expected a graph with nodes, got none/],
  "noise.onnx": [SyntaxError, /expected an ONNX file, got unreadable bytes/],
};

/** What to do about it ends each refusal. */
const REMEDY = /(: |; )[^:;]*\b(export|give|check the file|choose|pass shapes|simplify)\b[^:]*$/;

for (const { file, reason, model } of hostileFixtures()) {
  Deno.test(`importModel() refuses ${reason}`, () => {
    assert.ok(Object.hasOwn(REFUSALS, file), `expected a stated refusal for ${file}`);
    const [kind, message] = REFUSALS[file];
    const started = performance.now();
    assert.throws(() => importModel(model), (error) => {
      assert.ok(error instanceof kind);
      assert.match(error.message, message);
      assert.match(error.message, REMEDY);
      return true;
    });
    assert.ok(performance.now() - started < 1000);
  });
}

Deno.test("importModel() throws its own errors on every truncation of a good file", () => {
  const { model, input } = loadFixture("hand13");
  for (let n = 0; n < model.length; n += 7) {
    assert.throws(
      () => importModel(model.subarray(0, n), { shapes: { [input.name]: input.shape } }),
      (error) => error instanceof Error && error.message.startsWith("Cannot import "),
      `of ${n} bytes`,
    );
  }
});

Deno.test("importModel() reads or refuses a file with any one byte changed", () => {
  const { model, input } = loadFixture("hand13");
  let refused = 0;
  for (let n = 0; n < model.length; n += 5) {
    const changed = model.slice();
    changed[n] ^= 1 << (n % 8);
    try {
      verify(importModel(changed, { shapes: { [input.name]: input.shape } }));
    } catch (error) {
      assert.match((error as Error).message, /^Cannot import /, `byte ${n}`);
      refused++;
    }
  }
  assert.ok(refused > 50, `${refused} refused`);
});

Deno.test("importModel() refuses nodes with too many operands and graphs that grow too much", () => {
  const sums = (n: number, inputs: number) => ({
    opset: 17,
    inputs: { x: { dtype: "float32" as const, shape: [4] } },
    nodes: Array.from({ length: n }, (_, i) => ({ op: "Sum", inputs: Array(inputs).fill("x"), outputs: [`y${i}`] })),
    outputs: ["y0"],
  });
  assert.throws(() => importModel(foreignModel(sums(1, 4097))), /\(Sum\): expected at most 4096 inputs and outputs/);
  const limits = { ...IMPORT_LIMITS, nodes: 5 };
  assert.equal(importModel(foreignModel(sums(1, 50)), { limits }).nodes.length, 49);
  assert.throws(() => importModel(foreignModel(sums(2, 50)), { limits }), /expected at most 50 nodes after rewriting/);
});

Deno.test("importModel() accepts sizes by the name of a symbolic dimension", () => {
  const f = loadFixture("vit_dynamo");
  const [symbol] = decodeModel(f.model).inputs[0].dims;
  assert.equal(typeof symbol, "string");
  const graph = importModel(f.model, { dimensions: { [symbol]: 3 } });
  assert.equal(graph.types.get("image")!.shape[0], 3);
  assert.throws(
    () => importModel(f.model, { shapes: { image: [2, 4, 8, 8, 13] } }),
    /input "image" .*: expected size 12 for dimension 4, got 13/,
  );
});
