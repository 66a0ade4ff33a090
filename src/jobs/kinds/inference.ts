/** Shared by segmentation and classification: the wish, its plan, and the request to the worker. */
import { z } from "zod";
import { type Provider, PROVIDERS } from "../../engine/mod.ts";
import {
  type CheckingModel,
  type InferenceRequest,
  INPUTS,
  isCheckingModel,
  MISSING_RULES,
  type MissingRule,
  type Modality,
  requestExcess,
  type RequestWork,
  type Task,
} from "../../inference/mod.ts";
import { type Registry, specOf } from "../../registry/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import type { CheckFailure, ImageList } from "../types.ts";
import type { House, PlanContext, TaskContext } from "./kind.ts";

/** Traits of every kind that answers a request. */
export const INFERENCE = { queue: "inference", trains: false, events: ["progress"] } as const;

/** One segmentation or classification. */
export interface InferenceInput {
  readonly model: string;
  /** Default: the served one. */
  readonly version?: number;
  /** Volume files by modality. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  readonly missing?: MissingRule;
  readonly provider?: Provider | "auto";
}

/** The stored input of every inference. */
export const inferenceStored = z.object({
  model: z.string(),
  version: z.int(),
  images: z.array(z.tuple([z.enum(INPUTS), z.string()]).readonly()).readonly(),
  missing: z.enum(MISSING_RULES).optional(),
  provider: z.enum(["auto", ...PROVIDERS]).optional(),
});
type Stored = z.infer<typeof inferenceStored>;

export interface InferenceParams
  extends Omit<InferenceRequest, "engine" | "signal" | "onProgress" | "onCheckFailed" | "images"> {
  readonly images: ImageList;
}

/**
 * Pins the version, predicts the work by the headers, and takes the images over.
 * @throws {DomainError} `missing-modality`, `not-found`, `model-not-served`, `wrong-task`, `package-tampered`,
 * `too-much-work`
 */
export async function planInference<Wish extends InferenceInput & Partial<Pick<RequestWork, "output" | "reference">>>(
  wish: Wish,
  { verb, modelTask }: { verb: string; modelTask: Task },
  { registry, budget, awaited, takeImages }: PlanContext,
) {
  const images = Object.entries(wish.images) as [Modality, string][];
  if (images.length === 0) {
    throw new DomainError("missing-modality", "Cannot run: expected at least one image, got none");
  }
  // `run` checks the files' hashes, which takes its time with a large package.
  const find = awaited ? registry.find(wish.model, wish.version) : registry.resolve(wish.model, wish.version);
  const { version, directory, manifest } = await find;
  if (manifest.task !== modelTask) {
    throw new DomainError("wrong-task", `Cannot ${verb} with ${wish.model}: it is a model for ${manifest.task}`);
  }
  const excess = await requestExcess({ ...wish, directory, spec: specOf(manifest), budget });
  if (excess !== null) throw new DomainError("too-much-work", `Cannot ${verb}: ${excess}`);
  return { ...wish, version, images: await takeImages(images) };
}

/** The request to the worker for a stored input. */
export async function inferenceParams(
  { model, version, images, missing }: Stored,
  house: House,
): Promise<InferenceParams> {
  const { directory, manifest } = await house.registry.resolve(model, version);
  return {
    directory,
    spec: specOf(manifest),
    images,
    missing,
    budget: house.budget,
    modalityCheck: await checkingModelOf(house),
  };
}

async function checkingModelOf({ registry, modalityCheck, onCheckFailed }: House): Promise<CheckingModel | undefined> {
  if (modalityCheck === null) return undefined;
  try {
    return await findCheckingModel(registry, modalityCheck);
  } catch (error) {
    onCheckFailed(checkFailureOf(error));
  }
}

/**
 * The served version of the model that checks modalities; undefined where there is none.
 * @throws {DomainError} `wrong-task`: it is no classifier of single volumes by modality; `package-tampered`
 */
export async function findCheckingModel(
  registry: Pick<Registry, "resolve">,
  name: string,
): Promise<CheckingModel | undefined> {
  const found = await registry.resolve(name).catch((error) => {
    const isAbsent = error instanceof DomainError && ["not-found", "model-not-served"].includes(error.code);
    if (!isAbsent) throw error;
  });
  if (!found) return undefined;
  const spec = specOf(found.manifest);
  if (!isCheckingModel(spec)) {
    throw new DomainError("wrong-task", `Cannot check modalities with ${name}: it does not tell them apart`);
  }
  return { directory: found.directory, spec };
}

/** The callbacks of a request that report through a task's events. */
export function followedBy({ signal, emit }: Pick<TaskContext, "signal" | "emit">) {
  return {
    signal,
    onProgress: (step: number, steps: number) => emit({ type: "progress", step, steps }),
    onCheckFailed: (error: unknown) => emit({ type: "check-failed", ...checkFailureOf(error) }),
  };
}

/** An error without its message, which may quote what belongs to patients. */
function checkFailureOf(error: unknown): CheckFailure {
  if (!(error instanceof Error)) return { error: typeof error };
  return { error: error.name, ...("code" in error && typeof error.code === "string" && { code: error.code }) };
}
