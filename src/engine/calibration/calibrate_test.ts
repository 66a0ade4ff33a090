import assert from "node:assert/strict";
import { type Costs, decodeModel, type Graph, GraphBuilder, type Trial, trialsOf } from "../../graph/mod.ts";
import { calibrate } from "./calibrate.ts";
import {
  type Engine,
  EngineError,
  type EngineErrorCode,
  loweringOf,
  openEngine,
  type Session,
  traitsOf,
} from "../mod.ts";

type FormOp = "Sin" | "Cos" | "Tanh";

/** An engine with a clock of its own: every run takes a millisecond, and more for each operator of a kind. */
class TimedEngine {
  readonly provider = "cuda";
  readonly deviceName = "Fake GPU";
  readonly precision = "tf32";
  readonly lowering = loweringOf("cuda");
  readonly traits = traitsOf("cuda");
  /** The inputs of whole work that it holds. */
  readonly held = new Set<string>();
  now = 0;
  open = 0;
  /** The factor by which every run takes longer than the one before. */
  slowdown = 1;
  #load = 1;
  readonly #ms: Readonly<Partial<Record<string, number | EngineErrorCode>>>;
  readonly #readyMs: number;

  constructor(ms: Readonly<Partial<Record<FormOp, number | EngineErrorCode>>>, readyMs = 50) {
    this.#ms = ms;
    this.#readyMs = readyMs;
  }

  readonly clock = () => this.now;

  put(name: string): Promise<void> {
    return Promise.resolve(void this.held.add(name));
  }

  drop(name: string): Promise<void> {
    return Promise.resolve(void this.held.delete(name));
  }

  load(model: Uint8Array): Promise<Session> {
    const found = decodeModel(model).nodes.map(({ op }) => this.#ms[op] ?? 0);
    const code = found.find((v): v is EngineErrorCode => typeof v === "string");
    if (code === "unsupported") return Promise.reject(new EngineError(code, "no such operator"));
    this.open++;
    let first = true;
    return Promise.resolve({
      inputs: {},
      outputs: {},
      run: () => {
        if (code !== undefined) return Promise.reject(new EngineError(code, "it failed"));
        this.#load *= this.slowdown;
        this.now += 1 + this.#load * found.reduce<number>((sum, v) => sum + Number(v), 0) + (first ? this.#readyMs : 0);
        first = false;
        return Promise.resolve({});
      },
      release: () => Promise.resolve(void this.open--),
    });
  }
}
const asEngine = (engine: TimedEngine) => engine as unknown as Engine;

function chain(op: FormOp, copies: number): Graph {
  const b = new GraphBuilder();
  let y = b.input("x", { dtype: "float32", shape: [] });
  for (let i = 0; i < copies; i++) y = b.op[op](y);
  return b.build("chain", { y });
}
const trial = (key: string, without: FormOp, lowered: FormOp, seen: [number, Costs][] = []): Trial => ({
  key,
  graphs: (copies, costs) => {
    seen.push([copies, { ...costs }]);
    return { without: chain(without, copies), with: chain(lowered, copies) };
  },
});

Deno.test("calibrate() measures the time of each form beyond that of an empty run", async () => {
  const engine = new TimedEngine({ Sin: 30, Cos: 12, Tanh: 0.25 }, 20);
  const seen: [number, Costs][] = [], calls: string[] = [];
  const { table, unsteady } = await calibrate(asEngine(engine), {
    trials: [trial("a/long", "Sin", "Cos"), trial("b/short", "Sin", "Tanh", seen)],
    onTrial: (done, of) => calls.push(`${done}/${of}`),
    clock: engine.clock,
  });
  const { kinds, ...device } = table;
  assert.deepEqual(kinds, { "a/long": { withoutMs: 30, withMs: 12 }, "b/short": { withoutMs: 30, withMs: 0.25 } });
  assert.deepEqual(device, {
    format: 1,
    provider: "cuda",
    deviceName: "Fake GPU",
    precision: "tf32",
    runtime: device.runtime,
  });
  assert.match(device.runtime, /^onnxruntime-node@\d+\.\d+\.\d+$/);
  assert.deepEqual(unsteady, []);
  assert.deepEqual(calls, ["0/2", "1/2", "2/2"]);
  const before = { "a/long": { withoutMs: 30, withMs: 12 } };
  assert.deepEqual(seen, [[1, before], [16, before]], "a trial knows what was found before it; short work is repeated");
  assert.equal(engine.open, 0, "every session is released");
});

Deno.test("calibrate() repeats short work only as often as making it ready allows", async () => {
  for (const [readyMs, copies] of [[50, 16], [300, 3], [5000, 1]]) {
    const engine = new TimedEngine({ Sin: 1, Tanh: 0.25 }, readyMs);
    const seen: [number, Costs][] = [];
    const trials = [trial("a/b", "Sin", "Tanh", seen)];
    const { table: { kinds } } = await calibrate(asEngine(engine), { trials, clock: engine.clock });
    assert.deepEqual([seen.map(([n]) => n), kinds], [[1, copies], { "a/b": { withoutMs: 1, withMs: 0.25 } }]);
  }
});

Deno.test("calibrate() times long work once where one form is clearly the faster one", async () => {
  for (const [withoutMs, withMs, copies] of [[600, 120, [1]], [600, 400, [1, 1]], [200, 20, [1, 1]]] as const) {
    const engine = new TimedEngine({ Sin: withoutMs, Cos: withMs });
    const seen: [number, Costs][] = [];
    const { table: { kinds } } = await calibrate(asEngine(engine), {
      trials: [trial("a/b", "Sin", "Cos", seen)],
      clock: engine.clock,
    });
    assert.deepEqual([seen.map(([n]) => n), kinds], [copies, { "a/b": { withoutMs, withMs } }]);
  }
});

Deno.test("calibrate() learns of a kind whose runs do not agree only where one form is always the faster one", async () => {
  for (const [withMs, isLearnt] of [[27, false], [12, true]] as const) {
    const engine = new TimedEngine({ Sin: 30, Cos: withMs });
    engine.slowdown = 1.05;
    const trials = [trial("a/b", "Sin", "Cos")];
    const { table, unsteady } = await calibrate(asEngine(engine), { trials, clock: engine.clock });
    assert.deepEqual([Object.keys(table.kinds), unsteady], isLearnt ? [["a/b"], []] : [[], ["a/b"]]);
  }
});

Deno.test("calibrate() takes a form that the device refuses, or fails at, as infinitely slow", async () => {
  for (const code of ["unsupported", "failed", "timeout", "out-of-memory", "crashed"] as const) {
    const engine = new TimedEngine({ Sin: code, Cos: 8 });
    const { table: { kinds } } = await calibrate(asEngine(engine), {
      trials: [trial("a/b", "Sin", "Cos")],
      clock: engine.clock,
    });
    assert.deepEqual(kinds, { "a/b": { withoutMs: Infinity, withMs: 8 } }, code);
    assert.equal(engine.open, 0);
  }
});

Deno.test("calibrate() ends with an engine that was closed, and when it is stopped", async () => {
  const closed = new TimedEngine({ Sin: "closed" });
  const trials = [trial("a/b", "Sin", "Cos")];
  await assert.rejects(calibrate(asEngine(closed), { trials, clock: closed.clock }), { code: "closed" });
  const signal = AbortSignal.abort(new Error("stopped"));
  const engine = new TimedEngine({});
  await assert.rejects(calibrate(asEngine(engine), { trials, signal, clock: engine.clock }), { message: "stopped" });
});

Deno.test("calibrate() times whole work in the forms that it found, and leaves out what the device cannot do", async () => {
  const trials = [trial("a/b", "Sin", "Cos")], work = { inference: chain("Sin", 1), training: chain("Tanh", 1) };
  const engine = new TimedEngine({ Sin: 30, Cos: 12, Tanh: "out-of-memory" });
  const calls: string[] = [];
  const onTrial = (done: number, of: number) => calls.push(`${done}/${of}`);
  const { table } = await calibrate(asEngine(engine), { trials, work, onTrial, clock: engine.clock });
  assert.deepEqual(table.workMs, { inference: 31 });
  assert.deepEqual(calls, ["0/3", "1/3", "2/3", "3/3"]);
  assert.deepEqual([engine.open, engine.held.size], [0, 0], "sessions and inputs are released");
  const { table: without } = await calibrate(asEngine(engine), { trials, clock: engine.clock });
  assert.equal("workMs" in without, false);
});

Deno.test("calibrate() measures a kind on the cpu engine", async () => {
  const engine = await openEngine("cpu");
  try {
    const trials = trialsOf(engine.lowering.passes).filter((t) => t.key === "blocked-depthwise/small volumes");
    const { table: { deviceName, kinds }, unsteady } = await calibrate(engine, { trials });
    assert.equal(deviceName, engine.deviceName);
    assert.deepEqual([...Object.keys(kinds), ...unsteady], ["blocked-depthwise/small volumes"]);
    for (const ms of Object.values(kinds).flatMap((cost) => [cost.withoutMs, cost.withMs])) {
      assert.ok(ms > 0 && ms < 5000, `${ms} ms`);
    }
  } finally {
    await engine.close();
  }
});
