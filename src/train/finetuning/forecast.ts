/** Forecasts what a training step takes, from its graph alone: for plans that are made before a device is at work. */
import { loweringOf, type Provider, traitsOf } from "../../engine/mod.ts";
import { costOf, type Graph, lower } from "../../graph/mod.ts";
import { slidingWindows, type Triple } from "../../volume/mod.ts";
import type { ModelSpec } from "../../inference/mod.ts";
import { stepConfigOf } from "./phases/step_config.ts";
import type { Trainable } from "./network/trainable.ts";
import { fitted, memoryBudget } from "../loop/fit.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { trainingStep } from "../step/finetuning_step.ts";
import type { Fingerprint } from "../planning/fingerprint.ts";
import { targetSpacing } from "../planning/rules.ts";
import type { Durations } from "../planning/time.ts";

/**
 * Bytes of a step's cost a second, by kind of device: measured on two cores of a server, and taken as twenty times more on
 * a GPU. Right within a factor of two or three; a job measures its device.
 */
const COST_PER_SECOND: Readonly<Record<Provider, number>> = {
  cpu: 1.2e10,
  cuda: 2.4e11,
  webgpu: 6e10,
  openvino: 1.2e10,
  wasm: 3e9,
};
/** A training step computes about three times as much as a forward pass. */
const PASSES = 3;
/** Seconds until a phase has compiled and loaded its step. */
const START_SECONDS = 8;

export interface StepForecast extends Durations {
  readonly peakBytes: number;
}

/** The memory and the durations of a recipe's step on a kind of device. */
export function forecast(
  network: Trainable,
  { recipe, spec, data, provider }: {
    readonly recipe: ResolvedRecipe;
    readonly spec: ModelSpec;
    readonly data: Fingerprint;
    readonly provider: Provider;
  },
): StepForecast {
  const { graph } = trainingStep(network.network, stepConfigOf(network, { task: spec.task as Task, recipe }));
  const traits = traitsOf(provider);
  const fit = fitted(lower(graph, loweringOf(provider)).graph, memoryBudget(traits), traits);
  const passes = recipe.batch === "joint" ? 1 : recipe.batchSize;
  const update = passes * secondsOf(fit.graph, provider);
  const forward = update / passes / PASSES / (recipe.templates ? 2 : 1);
  const score = 1 + forward * windowsOf(spec, data);
  return { peakBytes: fit.peakBytes, update, start: START_SECONDS, score };
}

type Task = "segmentation" | "classification";

function secondsOf({ nodes, types }: Graph, provider: Provider): number {
  return nodes.reduce((sum, node) => sum + costOf(node, types), 0) / COST_PER_SECOND[provider];
}

/** Windows of the median image. */
function windowsOf(
  { task, inference: { roi, overlap, placing }, preprocessing }: ModelSpec,
  data: Fingerprint,
): number {
  if (task !== "segmentation") return 1;
  const target = preprocessing.spacingMm ?? targetSpacing(data, { baseSpacingMm: null });
  const [x, y, z] = data.extentMm.map((mm, a) => Math.max(Math.round(mm / target[a]), 1));
  const image: Triple = [x, y, z];
  return slidingWindows(image, roi, { overlap, placing }).length;
}
