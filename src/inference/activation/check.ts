/** Contradictions between a package's task, its labels or classes, and its settings. */
import { CLASSIFICATION_ACTIVATIONS, type ModelSpec, SEGMENTATION_ACTIVATIONS, type Task } from "../spec.ts";
import { classificationRecord } from "./classification.ts";
import { segmentationRecord } from "./segmentation.ts";

/** The part of a spec that says how outputs are read. */
export type OutputSpec = Pick<ModelSpec, "task" | "labels" | "classes" | "inference">;

/** A fault: the field of the manifest, and why it cannot be. */
export interface WrongSetting {
  readonly path: "classes" | "inference";
  readonly why: string;
}

const ACTIVATIONS_OF: Readonly<Record<Task, readonly string[]>> = {
  encoder: [],
  segmentation: SEGMENTATION_ACTIVATIONS,
  classification: CLASSIFICATION_ACTIVATIONS,
};

/** The first contradiction among a spec's settings, or null. */
export function wrongInference(spec: OutputSpec): WrongSetting | null {
  const { task, inference } = spec, { activation } = inference;
  if (activation !== undefined && !ACTIVATIONS_OF[task].includes(activation)) {
    const expected = ACTIVATIONS_OF[task].join(", ") || "no activation";
    return { path: "inference", why: `expected ${expected} for a task of ${task}, got activation ${activation}` };
  }
  if (task === "classification") {
    const classes = wrongClasses(spec);
    if (classes !== null) return { path: "classes", why: classes };
  }
  const why = wrongForTask(spec) ?? (task === "segmentation" ? wrongSegmentation(spec) : null) ?? wrongUnit(spec);
  return why === null ? null : { path: "inference", why };
}

function wrongClasses({ classes, inference }: OutputSpec): string | null {
  const { least, most } = classificationRecord(inference).classes;
  if (classes.length >= least && classes.length <= most) return null;
  if (least === most) return `activation ${inference.activation} needs ${least} classes, got ${classes.length}`;
  return `a classification needs ${least === 1 ? "a class" : "two classes"} or more`;
}

function wrongForTask({ task, inference }: OutputSpec): string | null {
  if (task === "segmentation") return null;
  const only = (["paintOrder", "mirrored", "restored", "postprocessing"] as const).find((key) =>
    inference[key] !== undefined
  );
  return only === undefined ? null : `${only} is for segmentations, this is a task of ${task}`;
}

function wrongSegmentation({ labels, inference }: OutputSpec): string | null {
  const { paintOrder, mirrored = [], postprocessing = [], activation, restored } = inference;
  const { exclusive, areNames } = segmentationRecord(inference);
  if (paintOrder !== undefined) {
    if (exclusive) return `paintOrder is for labels that may overlap, those of activation ${activation} do not`;
    const values = labels.map((l) => l.value);
    const sorted = (order: readonly number[]) => order.toSorted((a, b) => a - b).join();
    if (sorted(paintOrder) !== sorted(values)) {
      return `paintOrder must hold each label's value once (${values.join(", ")}), got ${paintOrder.join(", ")}`;
    }
  }
  if (areNames && restored === "probabilities") {
    return `restored probabilities are interpolated, which label values (activation ${activation}) cannot be`;
  }
  if (new Set(mirrored).size < mirrored.length) return `mirrored names an axis twice: ${mirrored.join(", ")}`;
  if (areNames && mirrored.length > 0) {
    return `mirrored windows are averaged, which label values (activation ${activation}) cannot be`;
  }
  const names = labels.map((l) => l.name);
  for (const step of postprocessing) {
    const unknown = step.labels?.find((name) => !names.includes(name));
    if (unknown !== undefined) {
      return `postprocessing names the label ${unknown}, expected one of ${names.join(", ")}`;
    }
    if (step.kind === "smallest-size" && (step.ml === undefined) === (step.voxels === undefined)) {
      return "postprocessing of kind smallest-size needs ml or voxels, one of the two";
    }
  }
  return null;
}

function wrongUnit({ task, classes, inference: { unit, activation } }: OutputSpec): string | null {
  if (unit === undefined) return null;
  if (task !== "classification" || activation !== "values") return "unit is for the activation values";
  if (typeof unit === "string" || unit.length === classes.length) return null;
  return `unit must be one for all classes or one for each of ${classes.length}, got ${unit.length}`;
}
