/** A fine-tune that continues its base with decoder and head: labels in the base's order, and the loss that its output needs. */
import {
  type Activation,
  type ClassificationActivation,
  classificationRecord,
  type ModelSpec,
  type SegmentationActivation,
  segmentationRecord,
} from "../../../inference/mod.ts";
import type { FinalOperator } from "../../../nets/mod.ts";
import { sharedValue } from "../../recipe/exclusive.ts";
import type { Criterion } from "../../step/criteria.ts";
import { TrainingError } from "../../types.ts";
import { outputNames } from "./base_weights.ts";
import type { NetworkRequest } from "../types.ts";

/** How logits are read, once nothing is applied to them in the graph. */
type LogitReading = "sigmoid" | "softmax" | "logit";

interface HeadRecord {
  /** Operators at the graph's end of which one is taken off; none: the output holds logits. */
  readonly applied: readonly FinalOperator[];
  /** The activation of the result, by the operator that was taken off. */
  readonly becomes: (takenOff: FinalOperator | null, channels: number) => LogitReading;
}

const SEGMENTATIONS: Readonly<Record<SegmentationActivation, HeadRecord>> = {
  sigmoid: { applied: [], becomes: () => "sigmoid" },
  softmax: { applied: [], becomes: () => "softmax" },
  probabilities: { applied: ["Sigmoid"], becomes: () => "sigmoid" },
  "class-probabilities": { applied: ["Softmax"], becomes: () => "softmax" },
  "label-map": { applied: ["ArgMax"], becomes: () => "softmax" },
};

/** null: there are no classes to learn. */
const CLASSIFICATIONS: Readonly<Record<ClassificationActivation, HeadRecord | null>> = {
  softmax: { applied: [], becomes: () => "softmax" },
  sigmoid: { applied: [], becomes: () => "sigmoid" },
  logit: { applied: [], becomes: () => "logit" },
  probabilities: {
    applied: ["Sigmoid", "Softmax"],
    becomes: (takenOff, channels) => takenOff === "Softmax" ? "softmax" : channels === 1 ? "logit" : "sigmoid",
  },
  values: null,
};

const CRITERION_OF = {
  segmentation: { sigmoid: "regions", softmax: "labels", logit: "regions" },
  classification: { sigmoid: "findings", softmax: "classes", logit: "finding" },
} as const satisfies Record<string, Record<LogitReading, Criterion>>;

/** How the head that is kept learns. */
export interface KeptHead {
  readonly criterion: Criterion;
  /** The activation of the result. */
  readonly activation: Activation;
}

type Base = NetworkRequest["base"];

const refuse = (name: string, reason: string): never => {
  throw new TrainingError("invalid-recipe", `Cannot keep the head of ${name}: ${reason}`);
};

function recordOf({ name, spec }: Base): HeadRecord {
  const { task, inference: { activation } } = spec;
  if (task === "segmentation") return SEGMENTATIONS[(activation ?? "sigmoid") as SegmentationActivation];
  const record = CLASSIFICATIONS[(activation ?? "softmax") as ClassificationActivation];
  return record ?? refuse(name, "it answers quantities, and a data set holds classes");
}

/** The operators that the base's graph applies to its logits, of which one is taken off. */
export const appliedBy = (base: Base): readonly FinalOperator[] => recordOf(base).applied;

/**
 * The request with labels and classes in the order of the base's outputs.
 * @throws {TrainingError} `invalid-recipe`: the base has no head for them, naming those that differ
 */
export function inBaseOrder<R extends NetworkRequest>(request: R): R {
  const { base, task, labels, classes } = request;
  if (base.spec.task === "encoder") refuse(base.name, "it is an encoder and has none; fine-tune without keepHead");
  if (base.spec.task !== task) refuse(base.name, `it is for ${base.spec.task}, the data set for ${task}`);
  recordOf(base);
  const own = namesInOrder(base), given = outputNames({ task, labels, classes });
  const missing = own.filter((name) => !given.includes(name)), unknown = given.filter((name) => !own.includes(name));
  if (missing.length > 0 || unknown.length > 0) {
    const noun = task === "segmentation" ? "labels" : "classes";
    refuse(
      base.name,
      `expected the data set to have its ${noun} ${own.join(", ")}, got ${given.join(", ")}` +
        (missing.length > 0 ? `; missing: ${missing.join(", ")}` : "") +
        (unknown.length > 0 ? `; unknown to it: ${unknown.join(", ")}` : "") +
        `; name the ${noun} alike, or fine-tune without keepHead`,
    );
  }
  checkExclusive(request);
  return {
    ...request,
    labels: task === "segmentation" ? own.map((name) => labels.find((l) => l.name === name)!) : labels,
    classes: task === "classification" ? own : classes,
  };
}

/** The base's outputs as its logits have them: an arg-max puts out the number of the channel. */
function namesInOrder({ name, spec }: Base): readonly string[] {
  if (spec.inference.activation !== "label-map" || spec.task !== "segmentation") return outputNames(spec);
  const byValue = spec.labels.toSorted((a, b) => a.value - b.value), values = byValue.map(({ value }) => value);
  if (values.some((value, i) => value !== i + 1)) {
    refuse(name, `expected its label map to have the values 1 to ${values.length}, got ${values.join(", ")}`);
  }
  return byValue.map((label) => label.name);
}

/** @throws {TrainingError} `invalid-recipe`: a voxel may have two labels, and the base gives it one */
function checkExclusive({ base, task, labels }: NetworkRequest): void {
  if (task !== "segmentation" || !segmentationRecord(base.spec.inference).exclusive) return;
  const shared = sharedValue(labels);
  if (shared === null) return;
  refuse(
    base.name,
    `its labels exclude each other, and ${
      shared.names.join(" and ")
    } of the data set share the value ${shared.value}; ` +
      "fine-tune without keepHead",
  );
}

/**
 * How the kept head learns, from the shape of its logits and what was taken off behind them.
 * @throws {TrainingError} `invalid-recipe`: another number of channels than the labels or classes need
 */
export function keptHead(
  { base, task, labels, classes }: NetworkRequest,
  { logits, takenOff }: { readonly logits: readonly number[]; readonly takenOff: FinalOperator | null },
): KeptHead {
  const [, channels] = logits;
  const activation = recordOf(base).becomes(takenOff, channels);
  const expected = task === "segmentation"
    ? segmentationRecord({ ...base.spec.inference, activation }).channels(labels.length)
    : classificationRecord({ ...base.spec.inference, activation }).outputs(classes.length)[0];
  const rank = task === "segmentation" ? 5 : 2;
  if (channels !== expected || logits.length !== rank) {
    const shape = task === "segmentation" ? `[N, ${expected}, X, Y, Z]` : `[N, ${expected}]`;
    refuse(base.name, `expected its logits to be ${shape} (${activation}), got [${logits}]`);
  }
  return { criterion: CRITERION_OF[task][activation], activation };
}

/** The inference settings of a result whose head is the base's: values by which it painted are those of the same labels. */
export function keptSettings(
  { inference, labels: before }: Pick<ModelSpec, "inference" | "labels">,
  labels: ModelSpec["labels"],
): ModelSpec["inference"] {
  const { paintOrder, ...settings } = inference;
  if (paintOrder === undefined) return settings;
  const valueOf = new Map(before.map(({ name, value }) => [value, labels.find((l) => l.name === name)?.value]));
  return { ...settings, paintOrder: paintOrder.flatMap((value) => valueOf.get(value) ?? []) };
}

/** Those of a result with a head of its own. */
export function freshSettings(inference: ModelSpec["inference"]): ModelSpec["inference"] {
  const { activation: _a, paintOrder: _o, postprocessing: _p, unit: _u, ...settings } = inference;
  return settings;
}
