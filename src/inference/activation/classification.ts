/** How a classification's output is read: one record an activation, from its numbers to probabilities or values. */
import type { ClassificationActivation, ModelSpec } from "../spec.ts";
import { type ClassKind, InferenceError } from "../types.ts";
import { sigmoid, softmax } from "./functions.ts";

/** What a classifier answered, one number a class. */
export interface ClassReading {
  readonly kind: ClassKind;
  readonly values: readonly number[];
  /** A doubt that the network's numbers are what the activation reads. */
  readonly doubt?: string;
}

export interface ClassificationRecord {
  /** Numbers of outputs that a network for so many classes may have. */
  readonly outputs: (classes: number) => readonly number[];
  /** The fewest classes and the most. */
  readonly classes: { readonly least: number; readonly most: number };
  readonly read: (outputs: Float32Array, classes: number) => ClassReading;
}

/** Probabilities of exclusive classes add up to 1, but for the rounding of half precision. */
const ROUNDING = 1e-2;

/** The probabilities of two classes by that of the second, which is the positive one of a 0/1 target. */
const ofSecond = (p: number) => [1 - p, p];

function probabilities(outputs: Float32Array): ClassReading {
  const wrong = outputs.find((p) => !(p >= -ROUNDING && p <= 1 + ROUNDING));
  if (wrong !== undefined) {
    throw new InferenceError(
      "invalid-output",
      `Cannot classify: expected probabilities from 0 to 1 from the network, got ${wrong}; ` +
        "choose the activation that the network lacks",
    );
  }
  const values = Array.from(outputs, (p) => Math.min(1, Math.max(0, p)));
  const sum = values.reduce((a, b) => a + b, 0);
  return { kind: Math.abs(sum - 1) <= ROUNDING ? "exclusive" : "independent", values };
}

/** Softmax of probabilities makes all classes nearly alike. */
function activatedTwice(outputs: Float32Array): { doubt?: string } {
  const sum = outputs.reduce((a, b) => a + b, 0);
  if (outputs.some((p) => p < 0) || Math.abs(sum - 1) > 1e-3) return {};
  const figures = Array.from(outputs, (p) => p.toPrecision(3)).join(", ");
  return {
    doubt: `the network's numbers add up to 1 (${figures}), as probabilities do, but are read as logits; state the ` +
      "activation probabilities in the manifest",
  };
}

const many = { least: 2, most: Infinity }, any = { least: 1, most: Infinity };

export const CLASSIFICATION_RECORDS: Readonly<Record<ClassificationActivation, ClassificationRecord>> = {
  softmax: {
    outputs: (classes) => [classes],
    classes: many,
    read: (outputs) => ({ kind: "exclusive", values: softmax(outputs), ...activatedTwice(outputs) }),
  },
  sigmoid: {
    outputs: (classes) => [classes],
    classes: any,
    read: (outputs) => ({ kind: "independent", values: Array.from(outputs, sigmoid) }),
  },
  logit: {
    outputs: () => [1],
    classes: { least: 2, most: 2 },
    read: ([logit]) => ({ kind: "exclusive", values: ofSecond(sigmoid(logit)) }),
  },
  probabilities: {
    outputs: (classes) => classes === 2 ? [2, 1] : [classes],
    classes: any,
    read(outputs, classes) {
      const { kind, values } = probabilities(outputs);
      return outputs.length < classes ? { kind: "exclusive", values: ofSecond(values[0]) } : { kind, values };
    },
  },
  values: {
    outputs: (classes) => [classes],
    classes: any,
    read: (outputs) => ({ kind: "values", values: Array.from(outputs) }),
  },
};

/** The record of a classification's activation. */
export function classificationRecord({ activation = "softmax" }: ModelSpec["inference"]): ClassificationRecord {
  return CLASSIFICATION_RECORDS[activation as ClassificationActivation];
}
