/** How logits are compared with labels: one record a criterion. Its formulas are in `losses.ts`. */
import type { Ops, Value } from "../../graph/mod.ts";
import {
  crossEntropy,
  diceAndCrossEntropy,
  exclusiveDiceAndCrossEntropy,
  independentCrossEntropy,
  singleCrossEntropy,
} from "./losses.ts";

interface CriterionRecord {
  readonly loss: (op: Ops, logits: Value, target: Value) => Value;
  /** The probability of each label or class that the target has. */
  readonly probabilities: (op: Ops, logits: Value) => Value;
  /** The shape of the target, from that of the logits. */
  readonly target: (logits: readonly number[]) => readonly number[];
}

const same = (shape: readonly number[]) => shape;
const sigmoid: CriterionRecord["probabilities"] = (op, logits) => op.Sigmoid(logits);
const softmax: CriterionRecord["probabilities"] = (op, logits) => op.Softmax(logits, { axis: 1 });

export const CRITERIA = {
  /** Segmentation: a logit a label, each by itself. */
  regions: { loss: diceAndCrossEntropy, probabilities: sigmoid, target: same },
  /** Segmentation: a logit of the background, then one a label, of which one holds. */
  labels: {
    loss: exclusiveDiceAndCrossEntropy,
    probabilities: (op, logits) => op.Slice(softmax(op, logits), [1], [logits.shape[1]], [1], [1]),
    target: ([n, channels, ...size]) => [n, channels - 1, ...size],
  },
  /** Classification: a logit a class, of which one holds. */
  classes: { loss: crossEntropy, probabilities: softmax, target: same },
  /** Classification: a logit a class, each by itself. */
  findings: { loss: independentCrossEntropy, probabilities: sigmoid, target: same },
  /** Classification: one logit, of the second of two classes. */
  finding: {
    loss: singleCrossEntropy,
    probabilities: (op, logit) => op.Concat(op.Sigmoid(op.Neg(logit)), op.Sigmoid(logit), { axis: 1 }),
    target: ([n]) => [n, 2],
  },
} as const satisfies Readonly<Record<string, CriterionRecord>>;

export type Criterion = keyof typeof CRITERIA;
