/** A case's volumes in, class probabilities out. */
import { loadNetwork } from "./network.ts";
import { classifierInput, prepare } from "./preprocess.ts";
import { stopwatch } from "./segment.ts";
import { windowRunner } from "./sliding.ts";
import type { ClassifyResult, InferenceRequest } from "./types.ts";

/**
 * Classifies one case: the whole volume resized, its centre through the network, softmax.
 * @throws {InferenceError} the volumes cannot be used
 * @throws {RangeError} the network has another number of classes
 * @throws {EngineError} the device failed
 */
export async function classify(request: InferenceRequest): Promise<ClassifyResult> {
  const { spec, engine, directory } = request;
  const clock = stopwatch();
  const templates = request.missing === "template" ? { directory } : undefined;
  const prepared = await prepare({ spec, images: request.images, templates });
  const input = classifierInput(prepared, spec);
  const preprocess = clock();
  const run = windowRunner(await loadNetwork(engine, directory, spec));
  const shape = [1, spec.modalities.length, ...spec.inference.roi];
  const probabilities = softmax(await run(input, shape));
  if (probabilities.length !== spec.classes.length) {
    throw new RangeError(
      `Cannot classify: expected ${spec.classes.length} logits from the network, got ${probabilities.length}`,
    );
  }
  return {
    provider: engine.provider,
    classes: spec.classes.map((label, i) => ({ label, probability: probabilities[i] })),
    timingsMs: { read: prepared.readMs, preprocess: preprocess - prepared.readMs, infer: clock() },
    warnings: prepared.warnings,
  };
}

/** Probabilities of a row of logits. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits), top = Math.max(...values);
  const powers = values.map((v) => Math.exp(v - top)), sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}
