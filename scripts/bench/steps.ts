/** One update of fine-tuning by the paper preset, in the form that training gives it on the device. */
import type { Engine, Resident, Session } from "../../src/engine/mod.ts";
import { encodeLoop, encodeModel, type Graph, LOOP_NAMES, lower } from "../../src/graph/mod.ts";
import { buildNetwork, initialWeights, isBuffer, type NetworkSpec } from "../../src/nets/mod.ts";
import { sizeOf, type Tensor, tensor } from "../../src/tensor/mod.ts";
import { ADAM_DEFAULTS, type Fitted, fitted, memoryBudget, passesAtOnce, trainingStep } from "../../src/train/mod.ts";
import { gigabytes, measure, type Row, wave } from "./measure.ts";

interface StepCase {
  readonly name: string;
  readonly spec: NetworkSpec;
  readonly size: number;
  readonly runs: number;
  /** As built, without the provider's passes. */
  readonly plain?: boolean;
  /** One view, as without templates, or two. */
  readonly views?: 1 | 2;
  /** The memory that the step must fit into; default: as much as training would let it take. */
  readonly budgetGb?: number;
}

/**
 * A step with deep supervision, consistency of the views, AdamW, as built. The views pass one after the other unless the
 * traits say otherwise.
 */
export function builtStep(
  { spec, size, views = 2, traits }: Pick<StepCase, "spec" | "size" | "views"> & { readonly traits?: Engine["traits"] },
) {
  const weights = initialWeights(spec, { seed: 0 });
  const networkOf = (batch: number) =>
    buildNetwork(spec, { input: [batch, 4, size, size, size], weights, outputs: "training" });
  const crops = views > 1 && traits !== undefined && passesAtOnce(traits, networkOf(views)) ? 1 : undefined;
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
  return { graph, state, weights };
}

export async function trainStep(
  engine: Engine,
  { name, spec, size, runs, views, budgetGb, plain = false }: StepCase,
): Promise<Row> {
  const { graph, state, weights } = builtStep({ spec, size, views, traits: engine.traits });
  for (const key of state.keys()) {
    const { shape } = graph.types.get(key)!;
    await engine.put(key, weights.get(key) ?? tensor("float32", shape, new Float32Array(sizeOf(shape))));
  }
  const fit = fitted(
    lower(graph, plain ? { passes: [] } : engine.lowering).graph,
    budgetGb === undefined ? memoryBudget(engine.traits) : budgetGb * 1e9,
    engine.traits,
  );
  const feeds = stepFeeds(graph, state);
  const measureUpdates = engine.traits.spanBytes > 0 ? measureSpans : measureSteps;
  const row = await measureUpdates(engine, { name, runs, fit, state, feeds });
  return { ...row, predictedGb: gigabytes(fit.peakBytes), extraCost: Number(fit.extraCost.toFixed(3)) };
}

interface Updates {
  readonly name: string;
  readonly runs: number;
  readonly fit: Fitted;
  readonly state: ReadonlyMap<string, string>;
  readonly feeds: Record<string, Tensor | Resident>;
}

/** Updates of one call each, the state kept on the device. */
async function measureSteps(engine: Engine, { name, runs, fit, state, feeds }: Updates): Promise<Row> {
  const session = await engine.load(encodeModel(fit.graph, { openSizes: engine.traits.sizesAreOpen }), {
    keepMemory: true,
  });
  const keep = Object.fromEntries([...state].map(([from, to]) => [to, from]));
  return await measure(engine, { name, runs, run: (i) => updateOnce(session, { feeds, keep, i }) });
}

/** Updates of one call where the device does not hold the state between calls, as in training there. */
const SPAN = 8;

async function measureSpans(engine: Engine, { name, runs, fit, state, feeds }: Updates): Promise<Row> {
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
  return { ...row, bestMs: row.bestMs / SPAN, medianMs: row.medianMs / SPAN, updatesPerCall: SPAN };
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
