/**
 * Draws crops in a thread of its own, so that the device need not wait while one is cut and changed. The thread reads the
 * prepared cases from their files. It draws what {@link drawCrop} draws, bit by bit.
 */
import { TrainingError } from "../../types.ts";
import type { CropNumber, DrawnCrop, DrawPlan, HardPlaces } from "./draw_plan.ts";

/** Prepared cases on disk. */
export interface CaseFiles {
  readonly paths: readonly string[];
  /** One a case: its class as a one-hot row; undefined in a segmentation. */
  readonly classTargets: readonly (Float32Array | undefined)[];
  /** Bytes of cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number;
}

export type DrawTask =
  | { readonly plan: DrawPlan; readonly files: CaseFiles }
  | { readonly hard: readonly HardPlaces[] }
  | CropNumber & { readonly id: number };

export type DrawReply =
  | { readonly isReady: true }
  | { readonly id: number; readonly sample: DrawnCrop }
  | { readonly id: number; readonly failed: { readonly message: string; readonly isMissingCase: boolean } };

/** A thread for the crops of one training; ends when it is disposed. */
export class DrawThread implements Disposable {
  readonly #worker: Worker;
  readonly #asked = new Map<number, PromiseWithResolvers<DrawnCrop>>();
  #count = 0;
  /** Why the thread draws no more. */
  #over: Error | undefined;

  constructor(plan: DrawPlan, files: CaseFiles, program = import.meta.resolve("./_draw_worker.ts")) {
    this.#worker = new Worker(program, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<DrawReply>) => this.#answer(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`Cannot draw a crop: the drawing thread failed: ${event.message}`));
    };
    this.#worker.postMessage({ plan, files } satisfies DrawTask);
  }

  /**
   * The crop of this number; the same for the same number.
   * @throws {TrainingError} `invalid-data`: a prepared case is gone or damaged
   */
  async draw(number: CropNumber): Promise<DrawnCrop> {
    if (this.#over !== undefined) throw this.#over;
    const id = this.#count++, asked = Promise.withResolvers<DrawnCrop>();
    this.#asked.set(id, asked);
    this.#worker.postMessage({ id, ...number } satisfies DrawTask);
    return await asked.promise;
  }

  /** Places for the crops that are asked for from now on. */
  setHard(hard: readonly HardPlaces[]): void {
    this.#worker.postMessage({ hard } satisfies DrawTask);
  }

  [Symbol.dispose](): void {
    this.#end(new Error("Cannot draw a crop: the training is over"));
  }

  #answer(reply: DrawReply): void {
    if ("isReady" in reply) return;
    const asked = this.#asked.get(reply.id);
    this.#asked.delete(reply.id);
    if ("sample" in reply) return asked?.resolve(reply.sample);
    const { message, isMissingCase } = reply.failed;
    const remedy = `${message}; start the training again, which prepares it anew`;
    asked?.reject(isMissingCase ? new TrainingError("invalid-data", remedy) : new Error(message));
  }

  #end(why: Error): void {
    this.#over ??= why;
    this.#worker.terminate();
    for (const { reject } of this.#asked.values()) reject(why);
    this.#asked.clear();
  }
}
