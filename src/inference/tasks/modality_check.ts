/**
 * Checks that volumes look like the modalities that they are named after: a classifier of single volumes, run beside a
 * model on the same device. It only warns: a failure of the check is reported, and the work continues.
 */
import { ANY_MODALITY, lookOf, MODALITIES, type Modality, OTHER } from "../modalities.ts";
import type { ModelSpec } from "../spec.ts";
import type { Foreground, Volume } from "../../volume/mod.ts";
import { singleInput } from "../prepare/classifier_input.ts";
import type { InferenceRequest, Warning } from "../types.ts";
import { classOutputs } from "./class_outputs.ts";

/**
 * From this probability on a volume counts as another modality than its name. High, because softmax is too often sure
 * and most volumes are named correctly: a warning that is mostly wrong would not be read.
 */
export const SURE = 0.9;

/** A modality as which a volume can be recognised, or none of them. */
type Look = Modality | typeof OTHER;

/** The most probable look of a volume, by the probabilities of a checking model's classes. */
export function likeliestLook(
  { classes }: Pick<ModelSpec, "classes">,
  probabilities: readonly number[],
): { look: Look; probability: number } {
  const byLook = new Map<Look, number>();
  for (const [i, p] of probabilities.entries()) {
    const look = classes[i] === OTHER ? OTHER : lookOf(classes[i] as Modality);
    byLook.set(look, (byLook.get(look) ?? 0) + p);
  }
  const [look, probability] = [...byLook].reduce((a, b) => b[1] > a[1] ? b : a);
  return { look, probability };
}

const NAMES: readonly string[] = [...MODALITIES, OTHER];

/** True for classifiers of one volume of any modality whose classes are modalities, with or without one for all else. */
export function isCheckingModel({ task, modalities, classes, inference }: ModelSpec): boolean {
  return task === "classification" && inference.activation !== "values" && modalities.length === 1 &&
    modalities[0] === ANY_MODALITY &&
    classes.every((c) => NAMES.includes(c));
}

/** The check of one request: keeps the classifier's small input of each volume while the volumes are read. */
export class ModalityCheck {
  readonly #request: Pick<InferenceRequest, "engine" | "modalityCheck" | "onCheckFailed">;
  readonly #inputs = new Map<Modality, Float32Array>();

  constructor(request: Pick<InferenceRequest, "engine" | "modalityCheck" | "onCheckFailed">) {
    this.#request = request;
  }

  /** Keeps the classifier's input of a volume. Modalities that it has no class for are not checked. */
  readonly look = (modality: Modality, volume: Volume, foreground: Foreground): void => {
    const model = this.#request.modalityCheck;
    if (!model?.spec.classes.includes(modality)) return;
    try {
      this.#inputs.set(modality, singleInput(modality, { volume, foreground }, model.spec));
    } catch (error) {
      this.#request.onCheckFailed?.(error);
    }
  };

  /** A warning for each volume that looks like another modality. Never throws. */
  async warnings(): Promise<Warning[]> {
    const { engine, modalityCheck: model, onCheckFailed } = this.#request;
    const found: Warning[] = [];
    if (model === undefined) return found;
    try {
      for (const [modality, input] of this.#inputs) {
        const { values } = await classOutputs(engine, model, input);
        const { look, probability } = likeliestLook(model.spec, values);
        if (look === lookOf(modality) || !(probability >= SURE)) continue;
        const likeness = look === OTHER ? "none of the modalities that the check knows" : look;
        const detail = `${modality} looks like ${likeness} (probability ${probability.toFixed(2)})`;
        found.push({ code: "modality-mismatch", detail });
      }
    } catch (error) {
      onCheckFailed?.(error);
    }
    return found;
  }
}
