/**
 * Runs a training step many times on an engine: state stays on the device, checkpoints go to disk, a killed run goes on
 * from its last one along the same trajectory. Knows nothing of volumes: samples come from a function of the step.
 */
import { join } from "node:path";
import type { Engine, Session } from "../engine/mod.ts";
import { encodeModel, type Graph, lower, sameShape, sizeOf, type Tensor, tensor } from "../graph/mod.ts";
import type { Sample } from "./augment.ts";
import { type Checkpoint, readCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { cosineRate } from "./recipes.ts";
import { LOSS_OUTPUTS, type StepConfig, trainingStep } from "./step.ts";
import { TrainingError } from "./types.ts";

export interface TrainerOptions {
  readonly engine: Engine;
  /** In training form; its constants are the start weights. */
  readonly network: Graph;
  readonly step: Omit<StepConfig, "accumulate">;
  readonly steps: number;
  readonly learningRate: number;
  /** Crops per update. */
  readonly batchSize: number;
  readonly checkpointEverySteps: number;
  readonly earlyStopSteps: number | null;
  /** Where the checkpoint lives, and what must be equal for it to be gone on from. */
  readonly directory: string;
  readonly run: string;
  /** Crop `i` of update `step`; the same for the same arguments. */
  readonly sample: (step: number, i: number) => Promise<Sample>;
  readonly signal?: AbortSignal;
  readonly onStep: (event: { step: number; loss: number; learningRate: number }) => void;
  /** What a user should know beside the steps. */
  readonly onLog: (message: string) => void;
}

export interface Trained {
  /** Weights and statistics by key. */
  readonly weights: Map<string, Tensor>;
  /** Loss of every update. */
  readonly losses: readonly number[];
}

/** A step that takes longer than this has hung. */
const STEP_TIMEOUT_MS = 3_600_000;

/** Losses are smoothed over this many updates before early stopping compares them. */
const SMOOTHING = 20;

/**
 * Trains to the end.
 * @throws {TrainingError} `cancelled` (a checkpoint is kept), `diverged`
 * @throws {EngineError} the device failed; the last checkpoint is kept
 */
export async function train(options: TrainerOptions): Promise<Trained> {
  const { engine, batchSize } = options;
  const path = join(options.directory, "checkpoint.safetensors");
  const micro = compile(options, batchSize === 1 ? undefined : { of: batchSize, last: true });
  const more = batchSize === 1 ? null : compile(options, { of: batchSize, last: false });
  const names = [...micro.state.keys()];
  const resumed = await resumable(path, { run: options.run, names, graph: micro.graph, onLog: options.onLog });
  const losses = [...(resumed?.progress.losses ?? [])];
  const first = initialState(micro.graph, names, options.network);
  const keep = Object.fromEntries([...micro.state].map(([input, output]) => [output, input]));
  const keepMore = more && Object.fromEntries([...more.state].map(([input, output]) => [output, input]));

  const sessions: Session[] = [];
  const load = async (graph: Graph) => {
    const session = await engine.load(encodeModel(graph));
    sessions.push(session);
    return session;
  };
  const snapshot = async () => {
    const tensors = new Map<string, Tensor>();
    for (const name of names) tensors.set(name, await engine.get(name));
    return tensors;
  };
  const save = async (step: number) =>
    await saveCheckpoint(path, { tensors: await snapshot(), progress: { run: options.run, step, losses } });
  try {
    for (const name of names) await engine.put(name, resumed?.tensors.get(name) ?? first(name));
    const last = await load(micro.graph);
    const adding = more && await load(more.graph);
    for (let step = resumed?.progress.step ?? 0; step < options.steps; step++) {
      if (options.signal?.aborted) {
        await save(step);
        throw new TrainingError("cancelled", `The fine-tune was cancelled after ${step} of ${options.steps} steps`);
      }
      const learningRate = cosineRate(options.learningRate, step, options.steps);
      let loss = 0;
      for (let i = 0; i < batchSize; i++) {
        const applies = i === batchSize - 1;
        const graph = applies ? micro.graph : more!.graph;
        const feeds = stepFeeds(graph, await options.sample(step, i), { learningRate, step });
        for (const name of graph.inputs) if (!(name in feeds)) feeds[name] = { resident: name };
        const outputs = await (applies ? last : adding!).run(feeds as Record<string, Tensor>, {
          keep: applies ? keep : keepMore!,
          fetch: LOSS_OUTPUTS.slice(0, 1),
          timeoutMs: STEP_TIMEOUT_MS,
        });
        loss += Number(outputs.loss.data[0]) / batchSize;
      }
      if (!Number.isFinite(loss)) throw new TrainingError("diverged", `The loss became ${loss} at step ${step + 1}`);
      losses.push(loss);
      options.onStep({ step: step + 1, loss, learningRate });
      if (stalled(losses, options.earlyStopSteps)) break;
      if ((step + 1) % options.checkpointEverySteps === 0) await save(step + 1);
    }
    const state = await snapshot();
    const keys = names.filter((n) => options.network.constants.has(n));
    const fixed = [...options.network.constants];
    return { weights: new Map([...fixed, ...keys.map((k): [string, Tensor] => [k, state.get(k)!])]), losses };
  } finally {
    await release(engine, { sessions, names });
  }
}

/** The checkpoint to go on from: it is whole, of this run, and holds every state value. */
async function resumable(
  path: string,
  { run, names, graph, onLog }: { run: string; names: readonly string[]; graph: Graph } & Pick<TrainerOptions, "onLog">,
): Promise<Checkpoint | null> {
  const saved = await readCheckpoint(path).catch((error) => {
    if (!(error instanceof SyntaxError)) throw error;
    onLog("The checkpoint is damaged: this training starts again from its first step");
    return null;
  });
  if (saved === null || saved.progress.run !== run) return null;
  const fits = (name: string) => {
    const found = saved.tensors.get(name);
    return found !== undefined && sameShape(found.shape, graph.types.get(name)!.shape);
  };
  return names.every(fits) ? saved : null;
}

function compile({ network, step }: TrainerOptions, accumulate: StepConfig["accumulate"]) {
  const compiled = trainingStep(network, { ...step, accumulate });
  return { graph: lower(compiled.graph).graph, state: compiled.state };
}

/** Weights start as the network has them, everything else as zeros. */
function initialState(graph: Graph, names: readonly string[], network: Graph): (name: string) => Tensor {
  const known = new Set(names);
  return (name) => {
    if (!known.has(name)) throw new RangeError(`Cannot start training: expected a state value, got ${name}`);
    const { shape } = graph.types.get(name)!;
    return network.constants.get(name) ?? tensor("float32", shape, new Float32Array(sizeOf(shape)));
  };
}

function stepFeeds(
  graph: Graph,
  sample: Sample,
  { learningRate, step }: { learningRate: number; step: number },
): Record<string, Tensor | { resident: string }> {
  const shaped = (name: string, data: Float32Array) => tensor("float32", graph.types.get(name)!.shape, data);
  const feeds: Record<string, Tensor> = { target: shaped("target", sample.target) };
  sample.views.forEach((view, i) => feeds[`view${i + 1}`] = shaped(`view${i + 1}`, view));
  if (graph.inputs.includes("learningRate")) {
    feeds.learningRate = tensor("float32", [], [learningRate]);
    feeds.step = tensor("float32", [], [step + 1]);
  }
  return feeds;
}

/** Whether the smoothed loss has not fallen for `patience` updates. */
export function stalled(losses: readonly number[], patience: number | null): boolean {
  if (patience === null || losses.length < patience + SMOOTHING) return false;
  const end = losses.length - SMOOTHING;
  let sum = losses.slice(0, SMOOTHING).reduce((a, b) => a + b, 0);
  let best = sum;
  for (let i = 1; i <= end; i++) {
    sum += losses[i + SMOOTHING - 1] - losses[i - 1];
    if (i <= end - patience) best = Math.min(best, sum);
    else if (sum < best) return false;
  }
  return true;
}

async function release(
  engine: Engine,
  { sessions, names }: { sessions: readonly Session[]; names: readonly string[] },
): Promise<void> {
  try {
    for (const session of sessions) await session.release();
    for (const name of names) await engine.drop(name);
  } catch { /* the child is gone, and what it held with it; the first error is the one that counts */ }
}
