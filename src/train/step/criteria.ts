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
  /** The shape of the target, from that of the logits. */
  readonly target: (logits: readonly number[]) => readonly number[];
}

const same = (shape: readonly number[]) => shape;

export const CRITERIA = {
  /** Segmentation: a logit a label, each by itself. */
  regions: { loss: diceAndCrossEntropy, target: same },
  /** Segmentation: a logit of the background, then one a label, of which one holds. */
  labels: {
    loss: exclusiveDiceAndCrossEntropy,
    target: ([n, channels, ...size]) => [n, channels - 1, ...size],
  },
  /** Classification: a logit a class, of which one holds. */
  classes: { loss: crossEntropy, target: same },
  /** Classification: a logit a class, each by itself. */
  findings: { loss: independentCrossEntropy, target: same },
  /** Classification: one logit, of the second of two classes. */
  finding: { loss: singleCrossEntropy, target: ([n]) => [n, 2] },
} as const satisfies Readonly<Record<string, CriterionRecord>>;

export type Criterion = keyof typeof CRITERIA;
