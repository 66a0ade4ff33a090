/**
 * Running statistics computed anew: the mean of those of the crops so far, as `torch.optim.swa_utils.update_bn` takes it.
 * Weights stay. Not a training step.
 */
import { type Graph, GraphBuilder } from "../../graph/mod.ts";
import { declareWeights, StepNetwork, StepOutputs } from "./network_step.ts";
import type { StepConfig, TrainingStep } from "./finetuning_step.ts";

/** The input that counts micro-batches, from 1. */
export const PASS = "pass";

/**
 * The step that adds a micro-batch to the statistics of `network`; null: it has none to compute. Inputs: the statistics,
 * {@link PASS}, `view1`, `view2`. Each view counts as a pass of its own.
 */
export function statisticsStep(
  network: Graph,
  { views, isFrozen }: Pick<StepConfig, "views" | "isFrozen">,
): Pick<TrainingStep, "graph" | "state"> | null {
  const b = new GraphBuilder(), { op } = b;
  const weights = declareWeights(b, network, { isTrainable: () => false, isFrozen });
  if (weights.inputs.size === 0) return null;
  const model = new StepNetwork(b, network, { weights, isFrozen });
  const image = network.types.get(network.inputs[0])!;
  const before = op.Mul(op.Sub(b.input(PASS, { dtype: "float32", shape: [] }), 1), views);
  for (let i = 1; i <= views; i++) {
    model.forward(b.input(`view${i}`, image), { momentum: op.Div(1, op.Add(before, i)) });
  }
  const all = new StepOutputs();
  for (const [key, value] of model.buffers) all.replace(key, value);
  return { graph: b.build("statistics-step", all.outputs), state: all.state };
}
