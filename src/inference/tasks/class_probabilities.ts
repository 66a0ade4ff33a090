/** From a classifier's input to the probabilities of its classes. */
import type { Engine } from "../../engine/mod.ts";
import type { InferenceRequest } from "../types.ts";
import { withNetwork } from "../windows/loaded_network.ts";
import { RUN_TIMEOUT_MS, windowRunner } from "../windows/sliding.ts";
import { softmax } from "../activation/functions.ts";

/** Probabilities of a classifier's classes for one input [C, …roi]. @throws {RangeError} it has other ones */
export async function classProbabilities(
  engine: Engine,
  { directory, spec }: Pick<InferenceRequest, "directory" | "spec">,
  input: Float32Array,
): Promise<number[]> {
  const shape = [1, spec.modalities.length, ...spec.inference.roi];
  const logits = await withNetwork(
    engine,
    { directory, spec },
    (session) => windowRunner(session, RUN_TIMEOUT_MS)(input, shape),
  );
  if (logits.length !== spec.classes.length) {
    throw new RangeError(
      `Cannot classify: expected ${spec.classes.length} logits from the network, got ${logits.length}`,
    );
  }
  return softmax(logits);
}
