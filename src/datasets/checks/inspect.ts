/**
 * Inspects images and label maps, voxel by voxel, in a thread of its own: a server must not stop answering while a volume
 * is inflated.
 */
import type { LabelValueFacts, VolumeFacts, Warning } from "../../inference/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { DomainError } from "../../storage/mod.ts";

/** The record of a file's content. */
export interface FileInfo {
  readonly sizeVox: Triple;
  readonly affineRas: readonly number[];
  readonly nonFiniteVoxels: number;
  /** False: the header says no position. Rows written before this was recorded have none; they count as positioned. */
  readonly positioned?: boolean;
  /** Images: see `inference/checks/`; rows written before there were facts have none. */
  readonly facts?: VolumeFacts;
  /** Label maps: the values that occur, ascending, at most {@link MAX_VALUES}. */
  readonly values?: readonly number[];
  /** Label maps of whole numbers: the facts of each value but 0. */
  readonly labels?: readonly LabelValueFacts[];
  /** Label maps: doubts about the header; those of an image are among its facts. */
  readonly doubts?: readonly Warning[];
}

/** An image with more values than this is no label map. */
export const MAX_VALUES = 1024;

export interface InspectRequest {
  readonly path: string;
  readonly isLabel: boolean;
}
export type InspectReply = { readonly info: FileInfo } | { readonly error: string; readonly isContent: boolean };

/** Pause after which the thread ends; starting one takes longer than inspecting a file. */
const IDLE_MS = 5000;

/** Inspects files one after the other, in a thread that starts when it is needed. */
export class Inspector implements Disposable {
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** @throws {DomainError} `invalid-volume`, with the reason and no file name */
  async inspect(path: string, { isLabel }: { isLabel: boolean }): Promise<FileInfo> {
    const turn = this.#last.then(() => this.#ask({ path, isLabel }));
    this.#last = turn.catch(() => {});
    const reply = await turn;
    if ("info" in reply) return reply.info;
    throw reply.isContent
      ? new DomainError("invalid-volume", reply.error)
      : new DomainError("internal", "Cannot inspect a volume: it cannot be opened");
  }

  /** Ends the thread; the next call starts another. */
  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  async #ask(request: InspectRequest): Promise<InspectReply> {
    clearTimeout(this.#idle);
    const worker = this.#worker ??= new Worker(import.meta.resolve("./_inspect_worker.ts"), { type: "module" });
    try {
      return await new Promise<InspectReply>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<InspectReply>) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          this[Symbol.dispose]();
          reject(new DomainError("internal", "Cannot inspect a volume: the inspecting thread failed"));
        };
        worker.postMessage(request);
      });
    } finally {
      this.#idle = setTimeout(() => this[Symbol.dispose](), IDLE_MS);
    }
  }
}
