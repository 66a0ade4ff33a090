/**
 * Inspects images and label maps, voxel by voxel, in a child process with bounds: a server must neither stop answering nor
 * end while a volume is inflated.
 */
import {
  budgetVariables,
  DEFAULT_BUDGET,
  type LabelValueFacts,
  type VolumeFacts,
  type Warning,
  type WorkBudget,
} from "../../inference/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import {
  askerLeft,
  type Bounds,
  DEFAULT_BOUNDS,
  nobodyWaits,
  notStarted,
  ProcessError,
  refusalOf,
  RUN,
  START_MS,
  Supervisor,
} from "../../process/mod.ts";
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

/** Inspects a file. @throws {DomainError} `invalid-volume`, with the reason and no file name */
export type Inspect = (path: string, options: { readonly isLabel: boolean }) => Promise<FileInfo>;

export interface InspectorOptions {
  /** The folders of the files; "all": whatever the user may read who started the program. */
  readonly reads: readonly string[] | "all";
  /** Default {@link DEFAULT_BOUNDS}; the time is that of one file. */
  readonly bounds?: Bounds;
  /** The most that a volume may be. Default {@link DEFAULT_BUDGET}. */
  readonly budget?: WorkBudget;
  /** Files that may wait for their turn; more are refused. Default 64. */
  readonly maxWaiting?: number;
}

/** Pause after which the child ends; starting one takes longer than inspecting a file. */
const IDLE_MS = 5000;
const REFUSAL = { code: "invalid-volume", start: "Cannot inspect a volume" } as const;

/** Inspects files one after the other, in a child that starts when it is needed. */
export class Inspector implements Disposable {
  readonly #reads: InspectorOptions["reads"];
  readonly #bounds: Bounds;
  readonly #budget: WorkBudget;
  readonly #maxWaiting: number;
  #child: Supervisor | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** Files that wait, and the one that is inspected. */
  #open = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor({ reads, bounds = DEFAULT_BOUNDS, budget = DEFAULT_BUDGET, maxWaiting = 64 }: InspectorOptions) {
    this.#reads = reads;
    this.#bounds = bounds;
    this.#budget = budget;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws {DomainError} `invalid-volume`, with the reason and no file name; `too-much-work`, `busy`, `worker-crashed` */
  async inspect(path: string, { isLabel }: { isLabel: boolean }): Promise<FileInfo> {
    if (this.#open > this.#maxWaiting) {
      throw new DomainError("busy", `Cannot inspect a volume now: ${this.#maxWaiting} others are waiting`);
    }
    this.#open++;
    try {
      const turn = this.#last.then(() => this.#ask({ path, isLabel }));
      this.#last = turn.catch(() => {});
      return infoOf(await turn);
    } finally {
      this.#open--;
    }
  }

  /** Ends the child; the next call starts another. */
  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    this.#child?.close();
    this.#child = undefined;
  }

  async #ask(request: InspectRequest): Promise<InspectReply> {
    const left = askerLeft();
    if (left?.aborted) throw nobodyWaits(REFUSAL.start);
    clearTimeout(this.#idle);
    const { memoryBytes, timeoutMs } = this.#bounds;
    const child = this.#child ??= new Supervisor({
      title: "the inspecting process",
      module: import.meta.resolve("./_inspect_child.ts"),
      startTimeoutMs: START_MS,
      env: budgetVariables(this.#budget),
      confinement: { reads: this.#reads, writes: [], memoryBytes },
    });
    const leave = () => child.kill(new ProcessError("closed", "Nobody waits for the inspecting process any more"));
    left?.addEventListener("abort", leave, { once: true });
    try {
      await child.start().catch(notStarted);
      const reply = await child.call(RUN, request, { timeoutMs }) as InspectReply; // its `answerLimited` made it
      this.#idle = setTimeout(() => this[Symbol.dispose](), IDLE_MS);
      return reply;
    } catch (error) {
      // the next file gets another child at once: one file that ends it delays no other
      if (this.#child === child) this[Symbol.dispose]();
      throw refusalOf(error, REFUSAL, this.#bounds);
    } finally {
      left?.removeEventListener("abort", leave);
    }
  }
}

/** @throws {DomainError} `invalid-volume`, `internal` */
export function infoOf(reply: InspectReply): FileInfo {
  if ("info" in reply) return reply.info;
  throw reply.isContent
    ? new DomainError("invalid-volume", reply.error)
    : new DomainError("internal", "Cannot inspect a volume: it cannot be opened");
}
