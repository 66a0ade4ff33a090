import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../../../tests/testing/volumes.ts";
import { Companions, type Engine, EngineError, loweringOf, type Session } from "../../engine/mod.ts";
import { decodeModel, encodeModel, GraphBuilder, importModel, type Value } from "../../graph/mod.ts";
import { batchOf, forgetNetworks, loadGraph, loadNetwork, withNetwork } from "./loaded_network.ts";

const SPEC = {
  task: "encoder" as const,
  labels: [],
  classes: [],
  architecture: { kind: "onnx" as const, config: {} },
  modalities: ["t1"] as const,
  inference: { roi: [4, 4, 4] as const, overlap: 0, blending: "constant" as const, threshold: 0.5 },
};

type Layer = (b: GraphBuilder, x: Value) => Value;
const RELU: Layer = ({ op }, x) => op.Relu(x);

async function writeNetwork(directory: string, layer = RELU): Promise<string> {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 1, 4, 4, 4] });
  await Deno.mkdir(directory);
  await Deno.writeFile(join(directory, "network.onnx"), encodeModel(b.build("net", { y: layer(b, x) })));
  return directory;
}

/** An engine that only counts: which sessions it made and which are released. */
class CountingEngine {
  readonly lowering = loweringOf("wasm");
  readonly companions = new Companions();
  readonly released: number[] = [];
  made = 0;
  load(model: Uint8Array): Promise<Session> {
    const id = this.made++;
    const release = () => Promise.resolve(void this.released.push(id));
    const inputs = { x: importModel(model).types.get("x")! };
    return Promise.resolve({ inputs, outputs: {}, run: () => Promise.reject(new Error("unused")), release });
  }
}
const asEngine = (counting: CountingEngine) => counting as unknown as Engine;

Deno.test("loadGraph() lowers for the engine's provider by what was measured of its device", async () => {
  const b = new GraphBuilder();
  const [x, w] = [[1, 2, 4, 4, 4], [2, 2, 2, 2, 2]].map((shape, i) => b.input("xw"[i], { dtype: "float32", shape }));
  const graph = b.build("up", { y: b.op.ConvTranspose(x, w, null, { strides: [2, 2, 2] }) });
  const loaded = async (costs: Engine["lowering"]["costs"]) => {
    let operators: string[] = [];
    const load = (model: Uint8Array) => void (operators = decodeModel(model).nodes.map((n) => n.op));
    await loadGraph({ lowering: { ...loweringOf("cpu"), costs }, load } as unknown as Engine, graph);
    return operators;
  };
  assert.ok((await loaded(undefined)).includes("Reshape"));
  const slower = { "planar-conv-transpose/up to 32 channels": { withoutMs: 1, withMs: 2 } };
  assert.deepEqual(await loaded(slower), ["ConvTranspose"]);
});

Deno.test("loadNetwork() keeps the three networks that were used last and releases the others", () =>
  inFolder(async (folder) => {
    const [a, b, c, d] = await Promise.all(["a", "b", "c", "d"].map((name) => writeNetwork(join(folder, name))));
    const engine = new CountingEngine();
    const load = (directory: string) => loadNetwork(asEngine(engine), { directory, spec: SPEC });
    const first = await load(a);
    await load(b);
    await load(c);
    assert.equal(await load(a), first);
    assert.equal(engine.made, 3);
    await load(d);
    assert.deepEqual(engine.released, [1], "b was used longest ago");
    assert.equal(await load(a), first);
    await load(b);
    assert.deepEqual([engine.made, engine.released], [5, [1, 2]]);
    await loadNetwork(asEngine(new CountingEngine()), { directory: a, spec: SPEC });
    assert.equal(engine.made, 5, "engines share nothing");
  }));

Deno.test("loadNetwork() loads a network once for calls at the same time, and again after it failed or was forgotten", () =>
  inFolder(async (folder) => {
    const [a, b, c, d] = await Promise.all(["a", "b", "c", "d"].map((name) => writeNetwork(join(folder, name))));
    const engine = new CountingEngine();
    const load = (directory: string) => loadNetwork(asEngine(engine), { directory, spec: SPEC });
    assert.equal(...await Promise.all([load(a), load(a)]) as [Session, Session]);
    await Deno.rename(join(c, "network.onnx"), join(c, "hidden"));
    // c's failure is c's alone, although the others push it out while it is being loaded
    const outcomes = await Promise.allSettled([load(c), load(a), load(b), load(d)]);
    assert.deepEqual(outcomes.map((o) => o.status), ["rejected", "fulfilled", "fulfilled", "fulfilled"]);
    await Deno.rename(join(c, "hidden"), join(c, "network.onnx"));
    const made = engine.made;
    await load(c);
    assert.equal(engine.made, made + 1);
    await forgetNetworks(asEngine(engine));
    await load(c);
    assert.equal(engine.made, made + 2);
  }));

Deno.test("loadNetwork() refuses a network for other windows with the importer's reason", () =>
  inFolder(async (folder) => {
    const directory = await writeNetwork(join(folder, "a"));
    const spec = { ...SPEC, inference: { ...SPEC.inference, roi: [8, 4, 4] as const } };
    await assert.rejects(loadNetwork(asEngine(new CountingEngine()), { directory, spec }), {
      name: "RangeError",
      message: /^Cannot import input "x" .*: expected size 4 for dimension 2, got 8/,
    });
  }));

Deno.test("withNetwork() loads an engine's networks anew after its device failed, and only then", () =>
  inFolder(async (folder) => {
    const [a, b] = await Promise.all(["a", "b"].map((name) => writeNetwork(join(folder, name))));
    const engine = new CountingEngine();
    const use = (directory: string, work: () => Promise<void> = () => Promise.resolve()) =>
      withNetwork(asEngine(engine), { directory, spec: SPEC }, work);
    await use(a);
    await use(b);
    await assert.rejects(use(a, () => Promise.reject(new RangeError("other"))), { message: "other" });
    await use(a);
    assert.equal(engine.made, 2);
    await assert.rejects(use(a, () => Promise.reject(new EngineError("crashed", "gone"))), { code: "crashed" });
    assert.deepEqual(engine.released, [1, 0]);
    await use(b);
    await use(a);
    assert.equal(engine.made, 4);
  }));

Deno.test("withNetwork() halves the samples at a time until the device has the memory, and keeps to that", () =>
  inFolder(async (folder) => {
    const directory = await writeNetwork(join(folder, "a"));
    const engine = new CountingEngine();
    const tried: number[] = [];
    const fitting = (fits: number) => (session: Session) => {
      tried.push(batchOf(session));
      return batchOf(session) <= fits
        ? Promise.resolve(batchOf(session))
        : Promise.reject(new EngineError("out-of-memory", "too much"));
    };
    const use = (fits: number, batch?: number) =>
      withNetwork(asEngine(engine), { directory, spec: SPEC, batch }, fitting(fits));
    assert.equal(await use(2, 8), 2);
    assert.deepEqual(tried.splice(0), [8, 4, 2]);
    assert.deepEqual(engine.released, [0, 1]);
    assert.deepEqual([await use(2, 8), await use(2)], [2, 1]);
    assert.deepEqual(tried.splice(0), [2, 1]);
    await assert.rejects(use(0, 8), { name: "EngineError", code: "out-of-memory", message: "too much" });
    assert.deepEqual(tried.splice(0), [2, 1]);
    const others = () => Promise.reject(new EngineError("failed", "other"));
    await assert.rejects(withNetwork(asEngine(new CountingEngine()), { directory, spec: SPEC, batch: 8 }, others), {
      message: "other",
    });
  }));

Deno.test("withNetwork() runs a network that mixes samples one at a time", () =>
  inFolder(async (folder) => {
    const directory = await writeNetwork(join(folder, "a"), ({ op }, x) => op.Softmax(x, { axis: 0 }));
    const engine = new CountingEngine();
    const full = (session: Session) => Promise.reject(new EngineError("out-of-memory", `at ${batchOf(session)}`));
    await assert.rejects(withNetwork(asEngine(engine), { directory, spec: SPEC, batch: 8 }, full), { message: "at 1" });
    assert.equal(engine.made, 1);
  }));
