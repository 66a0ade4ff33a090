/** A case's volumes in, class probabilities or values out. */
import { Plausibility } from "../checks/plausibility.ts";
import { loudFirst } from "../checks/table.ts";
import { ModalityCheck } from "./modality_check.ts";
import { classifierInput } from "../prepare/classifier_input.ts";
import { prepare } from "../prepare/preprocess.ts";
import { classOutputs } from "./class_outputs.ts";
import { networkBytesOf } from "../work/request_work.ts";
import { stopwatch } from "./segment.ts";
import type { ModelSpec } from "../spec.ts";
import type { ClassifyResult, InferenceRequest } from "../types.ts";

/**
 * Classifies one case: the whole volume resized, its centre through the network, its answer read by its activation.
 * @throws {InferenceError} the volumes cannot be used, or the network's answer
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
    networkBytes: await networkBytesOf(directory),
    budget: request.budget,
    onVolume: (...read) => {
      plausibility.look(...read);
      check.look(...read);
    },
  });
  const input = classifierInput(prepared, spec);
  const preprocess = clock();
  const { kind, values, doubt } = await classOutputs(engine, request, input);
  const misread = doubt === undefined ? [] : [{ code: "activation-doubtful", detail: doubt }];
  const mismatches = await check.warnings();
  return {
    provider: engine.provider,
    kind,
    ...(kind === "values"
      ? { classes: [], values: spec.classes.map((label, i) => ({ label, value: values[i], unit: unitOf(spec, i) })) }
      : { classes: spec.classes.map((label, i) => ({ label, probability: values[i] })) }),
    timingsMs: { read: prepared.readMs, preprocess: preprocess - prepared.readMs, infer: clock() },
    warnings: loudFirst([...prepared.warnings, ...plausibility.warnings(), ...mismatches, ...misread]),
  };
}

function unitOf({ inference: { unit } }: ModelSpec, index: number): string | null {
  return typeof unit === "object" ? unit[index] : unit ?? null;
}
