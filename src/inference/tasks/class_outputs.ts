/** From a classifier's input to the probabilities of its classes, or to its values. */
import type { Engine } from "../../engine/mod.ts";
import { classificationRecord, type ClassReading } from "../activation/classification.ts";
import { InferenceError, type InferenceRequest } from "../types.ts";
import { withNetwork } from "../windows/loaded_network.ts";
import { RUN_TIMEOUT_MS, windowRunner } from "../windows/run_window.ts";

/**
 * A classifier's answer to one input [C, …roi], read by the spec's activation.
 * @throws {InferenceError} `invalid-output`: the network has another number of outputs, or they cannot be what it says
 */
export async function classOutputs(
  engine: Engine,
  { directory, spec }: Pick<InferenceRequest, "directory" | "spec">,
  input: Float32Array,
): Promise<ClassReading> {
  const shape = [1, spec.modalities.length, ...spec.inference.roi];
  const outputs = await withNetwork(
    engine,
    { directory, spec },
    (session) => windowRunner(session, RUN_TIMEOUT_MS)(input, shape),
  );
  if (!outputs.every(Number.isFinite)) {
    const detail =
      "the network answers with what is not a number or infinite; check that the volumes are normalised as " +
      "the network expects, or use another provider";
    throw new InferenceError("invalid-output", `Cannot classify: ${detail}`);
  }
  return classificationRecord(spec.inference).read(outputs, spec.classes.length);
}
