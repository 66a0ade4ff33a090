/**
 * How well a network in training answers on some crops, as one graph: sums of probabilities and labels, from which soft Dice
 * and the like follow. Normalises as at inference, by the running statistics. Not a training step.
 */
import { type Graph, GraphBuilder, type Value } from "../../graph/mod.ts";
import { criterionOf, type StepConfig } from "./finetuning_step.ts";
import { declareWeights } from "./network_step.ts";

/** Outputs [N, C] by crop and label or class: Σ p·t, Σ p and Σ t. */
export const CROP_SUMS = ["both", "own", "other"] as const;

/** The graph for `network`. Inputs: its trained weights and running statistics by key, `image` and `target`. */
export function cropSums(
  network: Graph,
  { task, criterion, heads, isTrainable, isFrozen }: Pick<
    StepConfig,
    "task" | "criterion" | "heads" | "isTrainable" | "isFrozen"
  >,
): Graph {
  const b = new GraphBuilder(), { op } = b;
  const { probabilities, target: targetOf } = criterionOf({ task, criterion });
  const weights = declareWeights(b, network, { isTrainable, isFrozen });
  const [input] = network.inputs;
  const image = b.input("image", network.types.get(input)!);
  const values = b.inline(network, (name) => name === input ? image : weights.inputs.get(name));
  const logits = values.get(heads[0])!;
  const target = b.input("target", { dtype: "float32", shape: targetOf(logits.shape) });
  const p = probabilities(op, logits);
  const summed = (v: Value) =>
    v.shape.length === 2 ? v : op.ReduceSum(v, v.shape.flatMap((_, k) => k < 2 ? [] : [k]), { keepdims: 0 });
  return b.build("crop-sums", { both: summed(op.Mul(p, target)), own: summed(p), other: summed(target) });
}
