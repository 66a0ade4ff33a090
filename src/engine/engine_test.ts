/** The conformance of every `Engine`, run on every provider of this machine. */
import assert from "node:assert/strict";
import { type DType, type Tensor, tensor, type TensorType, toNumbers } from "../tensor/tensor.ts";
import { foreignModel, type ForeignNode } from "../../tests/testing/onnx_model.ts";
import { Companions, Devices, type Engine, EngineError, type Provider } from "./mod.ts";
import { ProcessError, Supervisor } from "../process/mod.ts";

const devices = new Devices();

const f32 = (...shape: number[]): TensorType => ({ dtype: "float32", shape });
const node = (op: string, inputs: string, outputs: string, attrs: ForeignNode["attrs"] = {}): ForeignNode => ({
  op,
  inputs: inputs.split(" "),
  outputs: outputs.split(" "),
  attrs,
});

interface Case {
  readonly name: string;
  /** Providers that do not conform, with the reason. */
  readonly skips?: Partial<Record<Provider, string>>;
  readonly run: (engine: Engine) => Promise<void>;
}

/** A case of one operator: feeds to outputs, exactly. */
function computes(
  name: string,
  op: ForeignNode,
  feeds: Record<string, Tensor>,
  expected: Record<string, Tensor>,
): Case {
  return {
    name,
    async run(engine) {
      const session = await engine.load(foreignModel({ inputs: feeds, outputs: expected, nodes: [op] }));
      for (const [key, { dtype, shape }] of Object.entries(feeds)) {
        assert.deepEqual(session.inputs[key], { dtype, shape });
      }
      for (const [key, { dtype, shape }] of Object.entries(expected)) {
        assert.deepEqual(session.outputs[key], { dtype, shape });
      }
      assert.deepEqual(await session.run(feeds), expected);
      await session.release();
    },
  };
}

/** y = x + s for x of a size; the step of the resident cases. */
const ADD = (size: number) =>
  foreignModel({
    inputs: { x: f32(size), s: f32() },
    outputs: { y: f32(size), z: f32(size), sum: f32() },
    nodes: [
      node("Add", "x s", "y"),
      node("Mul", "y s", "z"),
      node("ReduceSum", "y", "sum", { keepdims: 0 }),
    ],
  });
const scalar = (value: number) => tensor("float32", [], [value]);
const vector = (...values: number[]) => tensor("float32", [values.length], values);
const t = (dtype: DType, shape: number[], values: number[]) => tensor(dtype, shape, values);

const CASES: readonly Case[] = [
  computes("float32", node("Neg", "x", "y"), { x: t("float32", [1, 2, 2], [1, -2, 0.5, 4]) }, {
    y: t("float32", [1, 2, 2], [-1, 2, -0.5, -4]),
  }),
  {
    ...computes("int64", node("Add", "a b", "y"), { a: t("int64", [2], [2 ** 40, -5]), b: t("int64", [2], [1, -1]) }, {
      y: t("int64", [2], [2 ** 40 + 1, -6]),
    }),
    skips: { openvino: "it computes in 32 bits, and refuses larger numbers" },
  },
  computes("int64 of 32 bits", node("Add", "a b", "y"), { a: t("int64", [2], [7, -5]), b: t("int64", [2], [1, -1]) }, {
    y: t("int64", [2], [8, -6]),
  }),
  computes("int32", node("Mul", "a b", "y"), { a: t("int32", [2], [7, -5]), b: t("int32", [1], [3]) }, {
    y: t("int32", [2], [21, -15]),
  }),
  computes("bool", node("Not", "x", "y"), { x: t("bool", [3], [1, 0, 1]) }, { y: t("bool", [3], [0, 1, 0]) }),
  computes(
    "bool and float32",
    node("Where", "c a b", "y"),
    { c: t("bool", [5], [1, 0, 1, 0, 0]), a: vector(1, 2, 3, 4, 5), b: vector(-1, -2, -3, -4, -5) },
    { y: vector(1, -2, 3, -4, -5) },
  ),
  computes("a scalar", node("Add", "x s", "y"), { x: vector(1, 2), s: scalar(10) }, { y: vector(11, 12) }),
  computes("a zero-rank output", node("ReduceSum", "x", "y", { keepdims: 0 }), { x: vector(1, 2, 3) }, {
    y: scalar(6),
  }),
  computes("several outputs", node("TopK", "x k", "v i"), { x: vector(3, 9, 5), k: t("int64", [1], [2]) }, {
    v: vector(9, 5),
    i: t("int64", [2], [1, 2]),
  }),
  {
    name: "an open dimension",
    async run(engine) {
      const x = f32(-1, 2);
      const session = await engine.load(
        foreignModel({ inputs: { x }, outputs: { y: x }, nodes: [node("Neg", "x", "y")] }),
      );
      assert.deepEqual(session.inputs, { x });
      for (const rows of [1, 3]) {
        const { y } = await session.run({ x: t("float32", [rows, 2], Array(rows * 2).fill(1)) });
        assert.deepEqual(y, t("float32", [rows, 2], Array(rows * 2).fill(-1)));
      }
      await session.release();
    },
  },
  {
    name: "a convolution of three dimensions",
    async run(engine) {
      const [x, w, y] = [f32(1, 1, 4, 4, 4), f32(1, 1, 3, 3, 3), f32(1, 1, 2, 2, 2)];
      const session = await engine.load(
        foreignModel({ inputs: { x, w }, outputs: { y }, nodes: [node("Conv", "x w", "y")] }),
      );
      const feeds = {
        x: t("float32", [1, 1, 4, 4, 4], Array(64).fill(2)),
        w: t("float32", [1, 1, 3, 3, 3], Array(27).fill(1)),
      };
      assert.deepEqual(toNumbers((await session.run(feeds)).y), Array(8).fill(54));
      await session.release();
    },
  },
  {
    name: "fetch chooses outputs",
    async run(engine) {
      const session = await engine.load(ADD(2));
      const feeds = { x: vector(1, 2), s: scalar(3) };
      assert.deepEqual(await session.run(feeds, { fetch: ["z"] }), { z: vector(12, 15) });
      assert.deepEqual(await session.run(feeds, { fetch: [] }), {});
      assert.deepEqual(await session.run(feeds, { keep: { y: "kept" } }), { z: vector(12, 15), sum: scalar(9) });
      await engine.drop("kept");
      await session.release();
    },
  },
  {
    name: "residents: put, feed, keep, get, drop",
    async run(engine) {
      const session = await engine.load(ADD(300));
      await engine.put("w", t("float32", [300], Array(300).fill(1)));
      await engine.put("s", scalar(2));
      for (let step = 0; step < 3; step++) {
        const { sum } = await session.run({ x: { resident: "w" }, s: { resident: "s" } }, {
          keep: { y: "w" },
          fetch: ["sum"],
        });
        assert.deepEqual(sum, scalar(300 * (3 + 2 * step)));
      }
      assert.deepEqual(await engine.get("w"), t("float32", [300], Array(300).fill(7)));
      const { y } = await session.run({ x: { resident: "w" }, s: scalar(1) }, { keep: { y: "v" }, fetch: ["y"] });
      assert.deepEqual(y, await engine.get("v"));
      await session.run({ x: { resident: "v" }, s: { resident: "s" } }, { keep: { y: "v" }, fetch: [] });
      assert.deepEqual(await engine.get("v"), t("float32", [300], Array(300).fill(10)));
      await engine.drop("v");
      await assert.rejects(
        engine.get("v"),
        new RangeError('Cannot use resident "v": the device holds none of this name'),
      );
      await engine.drop("v");
      await engine.drop("w");
      await engine.drop("s");
      await session.release();
    },
  },
  {
    name: "residents outlive the session that made them and pass to another",
    async run(engine) {
      const first = await engine.load(ADD(4));
      await first.run({ x: vector(1, 2, 3, 4), s: scalar(2) }, { keep: { y: "a", z: "b" }, fetch: [] });
      await first.release();
      const second = await engine.load(ADD(4));
      await second.run({ x: { resident: "a" }, s: scalar(1) }, { keep: { y: "a" }, fetch: [] });
      assert.deepEqual(await engine.get("a"), vector(4, 5, 6, 7));
      assert.deepEqual(await engine.get("b"), vector(6, 8, 10, 12));
      await engine.drop("a");
      await second.release();
      assert.deepEqual(await engine.get("b"), vector(6, 8, 10, 12));
      await engine.drop("b");
    },
  },
  {
    name: "residents of every type",
    async run(engine) {
      const values = [
        t("float64", [2], [0.1, -3]),
        t("int64", [1, 2], [2 ** 40, -3]),
        t("int32", [2], [5, -3]),
        t("uint8", [3], [5, 255, 0]),
        t("bool", [3], [0, 1, 1]),
        t("float32", [0], []),
      ];
      for (const value of values) {
        await engine.put("r", value);
        assert.deepEqual(await engine.get("r"), value);
      }
      await engine.drop("r");
    },
  },
  {
    name: "refuses wrong feeds and outputs with a sentence",
    async run(engine) {
      const session = await engine.load(ADD(2));
      const [x, s] = [vector(1, 2), scalar(1)];
      const wrong: [() => Promise<unknown>, string][] = [
        [() => session.run({ x, s, q: s }), 'Cannot feed "q": expected "x", "s"'],
        [() => session.run({ x }), 'Cannot run the graph: expected "x", "s", got none for "s"'],
        [() => session.run({ x: vector(1), s }), 'Cannot feed "x": expected float32 [2], got float32 [1]'],
        [() => session.run({ x: t("int32", [2], [1, 2]), s }), 'Cannot feed "x": expected float32 [2], got int32 [2]'],
        [
          () => session.run({ x: { ...x, data: new Float32Array(3) }, s }),
          'Cannot feed "x": expected 2 elements for float32 [2], got 3',
        ],
        [() => session.run({ x, s }, { fetch: ["q"] }), 'Cannot take output "q": expected "y", "z", "sum"'],
        [
          () => session.run({ x, s }, { keep: { y: "r", z: "r" } }),
          'Cannot keep two outputs as the one resident "r"',
        ],
      ];
      for (const [run, message] of wrong) await assert.rejects(run(), new TypeError(message));
      await engine.put("small", vector(1));
      await assert.rejects(
        session.run({ x: { resident: "small" }, s }),
        new TypeError('Cannot feed "x": expected float32 [2], got float32 [1]'),
      );
      assert.deepEqual((await session.run({ x, s })).y, vector(2, 3));
      await engine.drop("small");
      await session.release();
    },
  },
  {
    name: "refuses what is no model, and stays usable",
    async run(engine) {
      await assert.rejects(
        engine.load(Uint8Array.of(1, 2, 3, 4)),
        (e) => e instanceof EngineError && e.code === "failed" && /^Cannot load the model: /.test(e.message),
      );
      const unknown = foreignModel({
        inputs: { x: f32(1) },
        outputs: { y: f32(1) },
        nodes: [node("NoSuchOp", "x", "y")],
      });
      await assert.rejects(
        engine.load(unknown),
        (e) => e instanceof EngineError && e.code !== "crashed" && /NoSuchOp/.test(e.message),
      );
      const session = await engine.load(ADD(1), { optimization: "disabled" });
      assert.deepEqual((await session.run({ x: vector(1), s: scalar(1) })).y, vector(2));
      await session.release();
    },
  },
  {
    name: "reports that memory ran out, and stays usable",
    async run(engine) {
      const session = await engine.load(foreignModel({
        inputs: { shape: { dtype: "int64", shape: [2] } },
        outputs: { y: f32(-1, -1) },
        nodes: [node("ConstantOfShape", "shape", "c"), node("Neg", "c", "y")],
      }));
      await assert.rejects(
        session.run({ shape: t("int64", [2], [2 ** 21, 2 ** 21]) }),
        (e) => e instanceof EngineError && e.code === "out-of-memory",
      );
      assert.deepEqual((await engine.load(ADD(1))).inputs.x, f32(1));
    },
  },
];

for (const { provider, name, state, reason } of await devices.probe()) {
  const ready = state === "ready";
  Deno.test({
    name: `Engine conforms on ${provider} (${ready ? name : `${state}: ${reason}`})`,
    ignore: !ready,
    async fn(test) {
      const engine = await devices.open(provider);
      for (const { name, run, skips } of CASES) {
        const why = skips?.[provider];
        await test.step({
          name: why === undefined ? name : `${name} (${why})`,
          ignore: why !== undefined,
          fn: () => run(engine),
        });
      }
      await engine.close();
    },
  });
}

const openvino = (await devices.probe()).find((d) => d.provider === "openvino")!;

Deno.test({
  name: `OpenVINO refuses what it would compute in fewer bits${
    openvino.state === "ready" ? "" : ` (${openvino.reason})`
  }`,
  ignore: openvino.state !== "ready",
  async fn() {
    const engine = await devices.open("openvino");
    const wide = { dtype: "int64", shape: [1] } as const, double = { dtype: "float64", shape: [1] } as const;
    const session = await engine.load(
      foreignModel({ inputs: { a: wide }, outputs: { y: wide }, nodes: [node("Neg", "a", "y")] }),
    );
    await assert.rejects(
      session.run({ a: t("int64", [1], [2 ** 31]) }),
      (e) =>
        e instanceof EngineError && e.code === "unsupported" && /in 32 bits, got 2147483648, which/.test(e.message),
    );
    assert.deepEqual((await session.run({ a: t("int64", [1], [2 ** 31 - 1]) })).y, t("int64", [1], [1 - 2 ** 31]));
    await assert.rejects(
      engine.load(foreignModel({ inputs: { a: double }, outputs: { y: double }, nodes: [node("Neg", "a", "y")] })),
      (e) => e instanceof EngineError && e.code === "unsupported" && /"a" is of another type/.test(e.message),
    );
    await engine.close();
  },
});

const webgpu = (await devices.probe()).find((d) => d.provider === "webgpu")!;
const noWebgpu = webgpu.state === "ready" ? "" : ` (skipped: ${webgpu.reason})`;

Deno.test({
  name: `a lost GPU device ends its process, which is a crash${noWebgpu}`,
  ignore: noWebgpu !== "",
  async fn() {
    const child = new Supervisor({ title: "the child", module: import.meta.resolve("./testing/lost_device_child.ts") });
    await assert.rejects(
      child.call("lose", null, { timeoutMs: 60_000 }),
      (e) =>
        e instanceof ProcessError && e.code === "crashed" &&
        e.message === "The child ended unexpectedly with exit code 70",
    );
    await child.close();
  },
});

Deno.test({
  name: `a tensor larger than the GPU's largest buffer is refused before the run${noWebgpu}`,
  ignore: noWebgpu !== "",
  async fn() {
    const engine = await devices.open("webgpu");
    const huge = f32(2 ** 16, 2 ** 20);
    await assert.rejects(
      engine.load(foreignModel({ inputs: { x: huge }, outputs: { y: huge }, nodes: [node("Neg", "x", "y")] })),
      (e) =>
        e instanceof EngineError && e.code === "out-of-memory" &&
        /^Cannot hold "x" on the device: expected at most \d+ bytes, got 274877906944 of float32 /.test(e.message),
    );
    await engine.close();
  },
});

Deno.test("Engine conformance fails when an output is wrong", async () => {
  const engine = await devices.open("cpu");
  const wrong = computes("wrong", node("Neg", "x", "y"), { x: vector(1) }, { y: vector(1) });
  await assert.rejects(wrong.run(engine), assert.AssertionError);
  await engine.close();
});

class Counter {
  n = 0;
}
class Other extends Counter {}

Deno.test("Companions.of() gives the same object of a class each time, and each engine its own", () => {
  const [one, another] = [new Companions(), new Companions()];
  one.of(Counter).n++;
  one.of(Other).n += 10;
  assert.deepEqual([one.of(Counter).n, one.of(Other).n, another.of(Counter).n], [1, 10, 0]);
});
