/** The weights of a result behind the last update: their running averages, and statistics computed anew. */
import type { Engine } from "../../../engine/mod.ts";
import { encodeModel, type Graph } from "../../../graph/mod.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../../tensor/mod.ts";
import { joinedSamples, type Sample } from "../../data/augment.ts";
import { memoryBudget } from "../../loop/fit.ts";
import { compiled, zeros } from "../../loop/program.ts";
import { averageOf } from "../../step/network_step.ts";
import { PASS, statisticsStep } from "../../step/statistics_step.ts";
import { TrainingError } from "../../types.ts";

/** The running averages in a step's state by key; none without a decay. */
export function averages(
  state: ReadonlyMap<string, Tensor>,
  { trained, ema, updates }: {
    /** Weights in the order of the step, and statistics. */
    readonly trained: ReadonlyMap<string, Tensor>;
    readonly ema: number | null | undefined;
    readonly updates: number;
  },
): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  if (typeof ema !== "number" || updates === 0) return found;
  const factor = 1 / (1 - ema ** updates);
  const valuesOf = (key: string) => {
    const average = state.get(averageOf(key));
    return average && toNumbers(average);
  };
  const all = valuesOf("weights") ?? [];
  let from = 0;
  for (const [key, { shape }] of trained) {
    const values = valuesOf(key) ?? all.slice(from, from += sizeOf(shape));
    found.set(key, tensor("float32", shape, values.map((v) => v * factor)));
  }
  return found;
}

/** Micro-batches over which statistics are computed anew. */
const PASSES = 64;

/** A call that takes longer than this has hung. */
const CALL_TIMEOUT_MS = 600_000;

export interface Reestimation {
  readonly engine: Engine;
  readonly network: Graph;
  readonly step: Parameters<typeof statisticsStep>[1];
  /** Updates that were trained. */
  readonly steps: number;
  readonly sample: (step: number, i: number) => Promise<Sample>;
  readonly signal?: AbortSignal;
  readonly onLog: (message: string) => void;
}

/** The running statistics by the crops that would follow the last update, with `weights`. */
export async function reestimated(
  weights: ReadonlyMap<string, Tensor>,
  { engine, network, step, steps, sample, signal, onLog }: Reestimation,
): Promise<Map<string, Tensor>> {
  const found = new Map<string, Tensor>();
  const program = statisticsStep({ ...network, constants: new Map([...network.constants, ...weights]) }, step);
  if (program === null) return found;
  const { graph, state } = compiled(program, { device: engine, budgetBytes: memoryBudget(engine.traits) });
  const crops = network.types.get(network.inputs[0])!.shape[0];
  const session = await engine.load(encodeModel(graph, { openSizes: engine.traits.sizesAreOpen }), {
    keepMemory: true,
  });
  const names = [...state.keys()];
  const residents = Object.fromEntries(names.map((name) => [name, { resident: name }]));
  const keep = Object.fromEntries([...state].map(([input, output]) => [output, input]));
  onLog(`Computes the running statistics anew over ${PASSES * crops} crops`);
  try {
    for (const name of names) await engine.put(name, zeros(graph.types.get(name)!.shape));
    for (let pass = 1; pass <= PASSES; pass++) {
      if (signal?.aborted) throw new TrainingError("cancelled", `The fine-tune was cancelled after its ${steps} steps`);
      const drawn = Array.from({ length: crops }, (_, k) => sample(steps + pass, k));
      const { views } = joinedSamples(await Promise.all(drawn));
      const seen = views.map((view, i) => {
        const name = `view${i + 1}`;
        return [name, tensor("float32", graph.types.get(name)!.shape, view)];
      });
      const feeds = { ...Object.fromEntries(seen), [PASS]: tensor("float32", [], [pass]) };
      await session.run({ ...feeds, ...residents }, { keep, fetch: [], timeoutMs: CALL_TIMEOUT_MS });
    }
    for (const name of names) found.set(name, await engine.get(name));
    return found;
  } finally {
    await session.release();
    for (const name of names) await engine.drop(name);
  }
}
