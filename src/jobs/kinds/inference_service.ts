/** Segments and classifies in one worker process with a bounded waiting line before it. Keeps no records. */
import { DomainError } from "../../storage/mod.ts";
import { type ModelVersion, type Registry, specOf } from "../../registry/mod.ts";
import type { Provider } from "../../engine/mod.ts";
import { type CheckingModel, isCheckingModel, type Modality } from "../../inference/mod.ts";
import { type TaskProcess } from "../worker/task_process.ts";
import { type CheckFailure, checkFailureOf, type ClassifyParams, type ImageList } from "../worker/task_types.ts";
import type { ClassifyOutcome, InferenceInput, InferenceOptions, SegmentOutcome } from "../types.ts";
import type { WaitingLine } from "./waiting_line.ts";

export interface InferenceDeps {
  readonly registry: Registry;
  readonly process: TaskProcess;
  readonly line: WaitingLine;
  readonly provider: Provider | "auto";
  readonly timeoutMs: number;
  /** The model that tells whether volumes look like what they are called, where one of this name is served; null: none. */
  readonly modalityCheck: string | null;
  /** Told when that check fails; requests go on without it. */
  readonly onCheckFailed: (failure: CheckFailure) => void;
}

/** A request with its images in order. */
export type OrderedInput = Omit<InferenceInput, "images"> & { readonly images: ImageList };

export interface ServiceOptions extends InferenceOptions {
  /** For queued jobs, which wait in the database. */
  readonly unbounded?: boolean;
}

export function orderedInput({ images, ...rest }: InferenceInput): OrderedInput {
  const list = Object.entries(images) as [Modality, string][];
  if (list.length === 0) throw new DomainError("missing-modality", "Cannot run: expected at least one image, got none");
  return { ...rest, images: list };
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

export class InferenceService {
  readonly #deps: InferenceDeps;

  constructor(deps: InferenceDeps) {
    this.#deps = deps;
  }

  /** The version to be used. @throws {DomainError} `not-found`, `model-not-served`, `wrong-task`, `package-tampered` */
  async resolve(kind: "segment" | "classify", { model, version }: OrderedInput): Promise<ModelVersion> {
    const found = await this.#deps.registry.resolve(model, version);
    const task = kind === "segment" ? "segmentation" : "classification";
    if (found.manifest.task !== task) {
      throw new DomainError("wrong-task", `Cannot ${kind} with ${model}: it is a model for ${found.manifest.task}`);
    }
    return found;
  }

  async segment(input: OrderedInput, outPath: string, options: ServiceOptions = {}): Promise<SegmentOutcome> {
    const found = await this.resolve("segment", input);
    const params = { ...await this.#params(input, found), output: input.output ?? "labels", outPath };
    const result = await this.#serve(options, (run) => this.#deps.process.run("segment", params, run));
    return { model: found.name, version: found.version, result };
  }

  async classify(input: OrderedInput, options: ServiceOptions = {}): Promise<ClassifyOutcome> {
    const found = await this.resolve("classify", input);
    const params = await this.#params(input, found);
    const result = await this.#serve(options, (run) => this.#deps.process.run("classify", params, run));
    return { model: found.name, version: found.version, result };
  }

  async #params(
    { images, missing, provider = this.#deps.provider }: OrderedInput,
    { directory, manifest }: ModelVersion,
  ): Promise<ClassifyParams> {
    const modalityCheck = await this.#checkingModel();
    return { directory, spec: specOf(manifest), images, missing, modalityCheck, provider };
  }

  async #checkingModel(): Promise<CheckingModel | undefined> {
    const { registry, modalityCheck, onCheckFailed } = this.#deps;
    if (modalityCheck === null) return undefined;
    try {
      return await findCheckingModel(registry, modalityCheck);
    } catch (error) {
      onCheckFailed(checkFailureOf(error));
    }
  }

  #serve<T>(
    { signal, onProgress, unbounded }: ServiceOptions,
    work: (run: Parameters<TaskProcess["run"]>[2]) => Promise<T>,
  ): Promise<T> {
    const { line, timeoutMs, onCheckFailed } = this.#deps;
    return line.serve(() =>
      work({
        signal,
        timeoutMs,
        onEvent: (event) => {
          if (event.type === "progress") onProgress?.(event.step, event.steps);
          if (event.type === "check-failed") onCheckFailed({ error: event.error, code: event.code });
        },
      }), { signal, unbounded });
  }
}
