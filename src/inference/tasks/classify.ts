/** A case's volumes in, class probabilities out. */
import { Plausibility } from "../checks/plausibility.ts";
import { loudFirst } from "../checks/table.ts";
import { ModalityCheck } from "./modality_check.ts";
import { classifierInput } from "../prepare/classifier_input.ts";
import { prepare } from "../prepare/preprocess.ts";
import { classProbabilities } from "./class_probabilities.ts";
import { stopwatch } from "./segment.ts";
import type { ClassifyResult, InferenceRequest } from "../types.ts";

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
  const check = new ModalityCheck(request), plausibility = new Plausibility();
  const prepared = await prepare({
    spec,
    images: request.images,
    templates,
    directory,
    onVolume: (...read) => {
      plausibility.look(...read);
      check.look(...read);
    },
  });
  const input = classifierInput(prepared, spec);
  const preprocess = clock();
  const probabilities = await classProbabilities(engine, request, input);
  const mismatches = await check.warnings();
  return {
    provider: engine.provider,
    classes: spec.classes.map((label, i) => ({ label, probability: probabilities[i] })),
    timingsMs: { read: prepared.readMs, preprocess: preprocess - prepared.readMs, infer: clock() },
    warnings: loudFirst([...prepared.warnings, ...plausibility.warnings(), ...mismatches]),
  };
}
