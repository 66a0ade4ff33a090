/** Segments and classifies in one worker process with a bounded waiting line before it. Keeps no records. */
import { DomainError, type ModelVersion, type Registry, specOf } from "../registry/mod.ts";
import type { Provider } from "../engine/mod.ts";
import type { Modality } from "../inference/spec.ts";
import { type TaskProcess } from "./task_process.ts";
import type { ClassifyParams, ImageList } from "./task_types.ts";
import type { ClassifyOutcome, InferenceInput, InferenceOptions, SegmentOutcome } from "./types.ts";
import type { WaitingLine } from "./waiting_line.ts";

export interface InferenceDeps {
  readonly registry: Registry;
  readonly process: TaskProcess;
  readonly line: WaitingLine;
  readonly provider: Provider | "auto";
  readonly timeoutMs: number;
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
    const params = { ...this.#params(input, found), output: input.output ?? "labels", outPath };
    const result = await this.#serve(options, (run) => this.#deps.process.run("segment", params, run));
    return { model: found.name, version: found.version, result };
  }

  async classify(input: OrderedInput, options: ServiceOptions = {}): Promise<ClassifyOutcome> {
    const found = await this.resolve("classify", input);
    const params = this.#params(input, found);
    const result = await this.#serve(options, (run) => this.#deps.process.run("classify", params, run));
    return { model: found.name, version: found.version, result };
  }

  #params({ images, missing, provider }: OrderedInput, { directory, manifest }: ModelVersion): ClassifyParams {
    return { directory, spec: specOf(manifest), images, missing, provider: provider ?? this.#deps.provider };
  }

  #serve<T>(
    { signal, onProgress, unbounded }: ServiceOptions,
    work: (run: Parameters<TaskProcess["run"]>[2]) => Promise<T>,
  ): Promise<T> {
    const { line, timeoutMs } = this.#deps;
    return line.serve(() =>
      work({
        signal,
        timeoutMs,
        onEvent: (event) => {
          if (event.type === "progress") onProgress?.(event.step, event.steps);
        },
      }), { signal, unbounded });
  }
}
