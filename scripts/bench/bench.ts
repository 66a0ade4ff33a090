/**
 * Benchmarks: `deno task bench [--only NAME] [--provider P] [--precision P] [--threads N] [--full] [--out FILE] [--calibrated DATA]
 * [--peer PYTHON]` prints JSON; lowered by the calibration in the data directory `DATA`, and beside PyTorch, if they are
 * named. Each row runs in an engine of its own, so that its peak memory is its own. Compare rows of one run only: machines
 * drift.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Engine, openEngine, PRECISIONS, PROVIDERS, type Resident, type Session } from "../../src/engine/mod.ts";
import { encodeLoop, encodeModel, type Graph, LOOP_NAMES, lowerFor } from "../../src/graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../../src/tensor/mod.ts";
import { prepare, segment, slidingLogits, windowRunner } from "../../src/inference/mod.ts";
import { buildNetwork, EDGE, initialWeights, isBuffer, type NetworkSpec } from "../../src/nets/mod.ts";
import { specOf } from "../../src/registry/manifest.ts";
import type { Triple } from "../../src/volume/mod.ts";
import { readPackage } from "../../src/registry/package.ts";
import { ADAM_DEFAULTS, type Fitted, fitted, memoryBudget, passesAtOnce, trainingStep } from "../../src/train/mod.ts";

interface Row {
  readonly name: string;
  /** First run, and the fastest of the others. */
  readonly firstMs: number;
  readonly bestMs: number;
  readonly peakGb: number;
  readonly [extra: string]: number | string;
}

const UNIUNET: NetworkSpec = { kind: "uniunet", config: {} };
const UNET3D: NetworkSpec = { kind: "unet3d", config: {} };
const EDGE_NET: NetworkSpec = { kind: "uniunet", config: { ...EDGE, outChannels: 1 } };

const wave = (shape: readonly number[]) =>
  tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.5 + 0.5 * Math.sin(0.01 * i)));

async function measure(
  engine: Engine,
  { name, runs, run }: { name: string; runs: number; run: (i: number) => Promise<unknown> },
): Promise<Row> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run(i);
    times.push(performance.now() - start);
  }
  const bestMs = Math.round(Math.min(...times.slice(1)));
  return { name, firstMs: Math.round(times[0]), bestMs, peakGb: Number((await engine.peakBytes() / 1e9).toFixed(2)) };
}

/** One window through the network. */
async function forward(
  engine: Engine,
  { name, spec, size, plain }: { name: string; spec: NetworkSpec; size: number; plain?: boolean },
) {
  const input = [1, 4, size, size, size];
  const graph = buildNetwork(spec, { input, weights: initialWeights(spec, { seed: 0 }), outputs: "inference" });
  const session = await engine.load(encodeModel(plain ? graph : lowerFor(engine, graph)), { keepMemory: true });
  const image = wave(input);
  return await measure(engine, { name, runs: 4, run: () => session.run({ image }) });
}

/** One update of the paper preset: two views (or one, as without templates), deep supervision, AdamW. */
async function trainStep(
  engine: Engine,
  { name, spec, size, runs, views = 2, budgetGb }: {
    name: string;
    spec: NetworkSpec;
    size: number;
    runs: number;
    views?: 1 | 2;
    /** What the step is fitted into; default: what training would let it take. */
    budgetGb?: number;
  },
) {
  const weights = initialWeights(spec, { seed: 0 });
  const networkOf = (batch: number) =>
    buildNetwork(spec, { input: [batch, 4, size, size, size], weights, outputs: "training" });
  const crops = views > 1 && passesAtOnce(engine.provider, networkOf(views)) ? 1 : undefined;
  const network = networkOf(crops === undefined ? 1 : views);
  const { graph, state } = trainingStep(network, {
    task: "segmentation",
    heads: network.outputs.filter((o) => o.startsWith("out")),
    consistency: { on: "x4", weight: 0.1 },
    views,
    supervision: "sum",
    crops,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    isTrainable: (key) => weights.has(key) && !isBuffer(key),
  });
  for (const key of state.keys()) {
    const { shape } = graph.types.get(key)!;
    await engine.put(key, weights.get(key) ?? tensor("float32", shape, new Float32Array(sizeOf(shape))));
  }
  const fit = fitted(lowerFor(engine, graph), budgetGb === undefined ? memoryBudget(engine.provider) : budgetGb * 1e9);
  const feeds = stepFeeds(graph, state);
  const row = await (engine.provider === "cuda" ? measureSpans : measureSteps)(engine, {
    name,
    runs,
    fit,
    state,
    feeds,
  });
  const predicted = {
    predictedGb: Number((fit.peakBytes / 1e9).toFixed(2)),
    extraCost: Number(fit.extraCost.toFixed(3)),
  };
  return { ...row, ...predicted };
}

interface Steps {
  readonly name: string;
  readonly runs: number;
  readonly fit: Fitted;
  readonly state: ReadonlyMap<string, string>;
  readonly feeds: Record<string, Tensor | Resident>;
}

async function measureSteps(engine: Engine, { name, runs, fit, state, feeds }: Steps): Promise<Row> {
  const session = await engine.load(encodeModel(fit.graph, { openSizes: true }), { keepMemory: true });
  const keep = Object.fromEntries([...state].map(([from, to]) => [to, from]));
  return await measure(engine, { name, runs, run: (i) => updateOnce(session, { feeds, keep, i }) });
}

/** Updates of one call where the device does not hold the state between calls, as training does there. */
const SPAN = 8;

async function measureSpans(engine: Engine, { name, runs, fit, state, feeds }: Steps): Promise<Row> {
  const { count, start, end, each } = LOOP_NAMES;
  const session = await engine.load(encodeLoop(fit.graph, state));
  const stacked = Object.entries({ ...feeds, step: tensor("float32", [], [1]) }).map(([key, fed]) =>
    "resident" in fed ? [start(key), fed] as const : [each(key), repeated(fed)] as const
  );
  const row = await measure(engine, {
    name,
    runs,
    run: () =>
      session.run({ ...Object.fromEntries(stacked), [count]: tensor("int64", [], [SPAN]) }, {
        keep: Object.fromEntries([...state].map(([from, to]) => [end(to), from])),
        fetch: [each("loss")],
      }),
  });
  return { ...row, bestMs: row.bestMs / SPAN, updatesPerCall: SPAN };
}

function repeated({ dtype, shape, data }: Tensor): Tensor {
  const all = new Float32Array(SPAN * data.length);
  for (let i = 0; i < SPAN; i++) all.set(data as Float32Array, i * data.length);
  return tensor(dtype, [SPAN, ...shape], all);
}

function stepFeeds(graph: Graph, state: ReadonlyMap<string, string>): Record<string, Tensor | Resident> {
  const feeds: Record<string, Tensor | Resident> = {};
  for (const name of graph.inputs) {
    feeds[name] = state.has(name) ? { resident: name } : wave(graph.types.get(name)!.shape);
  }
  const { shape } = graph.types.get("target")!;
  feeds.target = tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, (_, i) => Number(i % 7 === 0)));
  feeds.learningRate = tensor("float32", [], [3e-4]);
  return feeds;
}

function updateOnce(
  session: Session,
  { feeds, keep, i }: { feeds: Record<string, Tensor | Resident>; keep: Record<string, string>; i: number },
) {
  return session.run({ ...feeds, step: tensor("float32", [], [i + 1]) }, { keep, fetch: ["loss"] });
}

/** A volume of many windows through the edge network, by halves overlapping: what does time and memory do with its size? */
async function sliding(engine: Engine, { name, sizeVox }: { name: string; sizeVox: Triple }) {
  const roi: Triple = [64, 64, 64];
  const weights = initialWeights(EDGE_NET, { seed: 0 });
  const graph = buildNetwork(EDGE_NET, { input: [1, 4, ...roi], weights, outputs: "inference" });
  const session = await engine.load(encodeModel(lowerFor(engine, graph)), { keepMemory: true });
  const inputs = Array.from({ length: 4 }, () => wave(sizeVox).data as Float32Array);
  const settings = { roi, overlap: 0.5, blending: "gaussian", channels: 1 } as const;
  let windows = 0;
  const run = async () => {
    windows = (await slidingLogits(windowRunner(session), { inputs, sizeVox }, settings)).windows;
  };
  const row = await measure(engine, { name, runs: 3, run });
  return { ...row, windows, msPerWindow: Math.round(row.bestMs / windows) };
}

const imagesIn = (data: string) =>
  Object.fromEntries(["t1", "t1c", "t2", "flair"].map((m) => [m, join(data, `${m}.nii.gz`)]));

/** UniUnet over a real volume, windows of 96³ by halves overlapping: the windows and their blending alone. */
async function uniunetVolume(engine: Engine, { name, data }: { name: string; data: string }) {
  const spec = specOf(await readPackage(join("models", "ms-lesion", "2")));
  const { channels: inputs, grid: { sizeVox } } = await prepare({ spec, images: imagesIn(data) });
  const roi: Triple = [96, 96, 96];
  const weights = initialWeights(UNIUNET, { seed: 0 });
  const graph = buildNetwork(UNIUNET, { input: [1, 4, ...roi], weights, outputs: "inference" });
  const session = await engine.load(encodeModel(lowerFor(engine, graph)), { keepMemory: true });
  await session.run({ image: wave([1, 4, ...roi]) });
  const start = performance.now();
  const { windows } = await slidingLogits(windowRunner(session), { inputs, sizeVox }, {
    roi,
    overlap: 0.5,
    blending: "gaussian",
    channels: 3,
  });
  const ms = Math.round(performance.now() - start);
  const peakGb = Number((await engine.peakBytes() / 1e9).toFixed(2));
  return { name, firstMs: ms, bestMs: ms, peakGb, sizeVox: sizeVox.join("x"), windows };
}

/** A real 1 mm volume, from files to the written mask. */
async function wholeVolume(engine: Engine, { name, data }: { name: string; data: string }) {
  const directory = join("models", "ms-lesion", "2");
  const folder = await mkdtemp(join(tmpdir(), "sulcus-bench-"));
  const images = imagesIn(data);
  const spec = specOf(await readPackage(directory));
  let windows = 0;
  const row = await measure(engine, {
    name,
    runs: 2,
    run: async () => {
      const result = await segment({
        directory,
        spec,
        images,
        engine,
        output: "labels",
        outPath: join(folder, "mask.nii.gz"),
      });
      windows = result.windows;
    },
  });
  await rm(folder, { recursive: true });
  return { ...row, windows };
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    provider: { type: "string", default: "cpu" },
    precision: { type: "string" },
    threads: { type: "string" },
    full: { type: "boolean", default: false },
    /** A Python with PyTorch: the peer is measured in the same run. */
    peer: { type: "string" },
    out: { type: "string" },
    calibrated: { type: "string" },
    data: { type: "string", default: "../shared/data/ms/patient19" },
  },
});

const BENCHES: Record<string, (engine: Engine, name: string) => Promise<Row>> = {
  "uniunet-forward-64": (e, name) => forward(e, { name, spec: UNIUNET, size: 64 }),
  "uniunet-forward-64-plain": (e, name) => forward(e, { name, spec: UNIUNET, size: 64, plain: true }),
  "uniunet-forward-96": (e, name) => forward(e, { name, spec: UNIUNET, size: 96 }),
  "uniunet-forward-96-plain": (e, name) => forward(e, { name, spec: UNIUNET, size: 96, plain: true }),
  "unet3d-forward-96": (e, name) => forward(e, { name, spec: UNET3D, size: 96 }),
  "edge-forward-64": (e, name) => forward(e, { name, spec: EDGE_NET, size: 64 }),
  "edge-step-64": (e, name) => trainStep(e, { name, spec: EDGE_NET, size: 64, runs: 6 }),
  "edge-step-64-single": (e, name) => trainStep(e, { name, spec: EDGE_NET, size: 64, runs: 6, views: 1 }),
  "uniunet-step-64": (e, name) => trainStep(e, { name, spec: UNIUNET, size: 64, runs: 5 }),
  "uniunet-step-64-in-2-gb": (e, name) => trainStep(e, { name, spec: UNIUNET, size: 64, runs: 3, budgetGb: 2 }),
  "edge-volume-1x": (e, name) => sliding(e, { name, sizeVox: [96, 96, 96] }),
  "edge-volume-2x": (e, name) => sliding(e, { name, sizeVox: [192, 96, 96] }),
  "edge-volume-4x": (e, name) => sliding(e, { name, sizeVox: [192, 192, 96] }),
  "ms-lesion-volume": (e, name) => wholeVolume(e, { name, data: values.data }),
};
if (values.full) {
  BENCHES["uniunet-volume"] = (e, name) => uniunetVolume(e, { name, data: values.data });
  BENCHES["uniunet-step-96"] = (e, name) => trainStep(e, { name, spec: UNIUNET, size: 96, runs: 2 });
  BENCHES["uniunet-step-96-in-5-gb"] = (e, name) =>
    trainStep(e, { name, spec: UNIUNET, size: 96, runs: 2, budgetGb: 5 });
}

/** The one of `known` that a flag names. */
function choice<T extends string>(flag: string, known: readonly T[], value: string): T {
  const found = known.find((k) => k === value);
  if (found === undefined) throw new TypeError(`Expected --${flag} to be one of ${known.join(", ")}, got ${value}`);
  return found;
}

const provider = choice("provider", PROVIDERS, values.provider);
const precision = values.precision === undefined ? undefined : choice("precision", PRECISIONS, values.precision);
const threads = values.threads === undefined ? undefined : Number(values.threads);
/** `--only` names a row, or a part of the names of several. */
const isWanted = (name: string, only = values.only) =>
  only === undefined || (only in BENCHES ? name === only : name.includes(only));
const rows: Row[] = [];
let device = "";
for (const [name, bench] of Object.entries(BENCHES)) {
  if (!isWanted(name)) continue;
  const engine = await openEngine(provider, {
    precision,
    threads,
    dataDirectory: values.calibrated,
    warn: console.error,
  });
  try {
    device = engine.deviceName;
    rows.push(await bench(engine, name));
    console.error(JSON.stringify(rows.at(-1)));
  } finally {
    await engine.close();
  }
}
interface PeerRun {
  readonly args: readonly string[];
  readonly kinds: readonly ("eager" | "compiled")[];
}

/** What the peer is asked for a row of ours, if it has that one; what takes minutes only once. */
function peerRun({ name, sizeVox }: Row): PeerRun | undefined {
  if (name === "uniunet-volume") return { args: ["--volume", ...String(sizeVox).split("x")], kinds: ["eager"] };
  const [, work, size] = name.match(/^uniunet-(forward|step)-(\d+)$/) ?? [];
  if (work === undefined) return undefined;
  const device = provider === "cuda" ? "cuda" : "cpu";
  const isLong = size === "96" && work === "step";
  const args = ["--device", device, "--sizes", size, "--only", work, "--runs", isLong ? "2" : "3"];
  return { args, kinds: isLong ? ["eager"] : ["eager", "compiled"] };
}

/** The peer's rows of UniUnet's benches that ran. */
async function peerRows(python: string): Promise<Row[]> {
  const found: Row[] = [];
  for (const row of [...rows]) {
    const { args, kinds } = peerRun(row) ?? { args: [], kinds: [] };
    for (const kind of kinds) {
      const { stdout, success } = await new Deno.Command(python, {
        args: [join(import.meta.dirname!, "../peer/bench.py"), ...args, ...(kind === "compiled" ? ["--compile"] : [])],
        stderr: "inherit",
      }).output();
      if (!success) continue; // its own words tell why
      const theirs = JSON.parse(new TextDecoder().decode(stdout).trim()) as Row;
      found.push({ ...theirs, name: `${row.name}, PyTorch ${kind}` });
      console.error(JSON.stringify(found.at(-1)));
    }
  }
  return found;
}

if (values.peer !== undefined) rows.push(...await peerRows(values.peer));
const peers = rows.flatMap(({ name }) => {
  const [ours, peer] = name.split(", ");
  return peer === undefined ? [] : [[`${ours}, ${peer} / ours`, [name, ours]] as const];
});
const best = (name: string) => rows.find((r) => r.name === name)?.bestMs;
const ratio = (a: string, b: string) => {
  const [x, y] = [best(a), best(b)];
  return x === undefined || y === undefined ? undefined : Number((x / y).toFixed(3));
};
const report = {
  machine: {
    cores: cpus().length,
    model: cpus()[0].model,
    memoryGb: Math.round(totalmem() / 1e9),
    deno: Deno.version.deno,
    provider,
    device,
    ...(precision !== undefined && { precision }),
  },
  rows,
  ratios: {
    "forward 96³, ours / plain graph": ratio("uniunet-forward-96", "uniunet-forward-96-plain"),
    "forward 64³, ours / plain graph": ratio("uniunet-forward-64", "uniunet-forward-64-plain"),
    ...Object.fromEntries(peers.map(([what, [peer, ours]]) => [what, ratio(peer, ours)])),
  },
};
const text = JSON.stringify(report, null, 2);
console.log(text);
if (values.out !== undefined) await Deno.writeTextFile(values.out, text + "\n");
