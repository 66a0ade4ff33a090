/** The record of a pre-training method: everything that the generic training asks. A method is a folder beside this file. */
import type { Engine } from "../../engine/mod.ts";
import type { Graph } from "../../graph/mod.ts";
import type { Modality } from "../../inference/mod.ts";
import type { NetworkSpec } from "../../nets/mod.ts";
import type { Random, Tensor } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import type { PretrainingVolumes } from "../data/unlabelled_cases.ts";
import type { CompileOptions, MicroBatch, RateFeeds, StateTensor } from "../loop/program.ts";
import type { PretrainingBase, PretrainingWishes } from "../recipe/pretraining.ts";
import type { MethodReport } from "../report/pretraining.ts";

export interface PretrainingMethod {
  /** Scalar outputs of a step that are recorded; the first one is the loss. */
  readonly losses: readonly string[];
  /** How the report names and explains them. */
  readonly report: MethodReport;
  /**
   * Completes a user's wishes for a number of cases.
   * @throws {TrainingError} `invalid-recipe`
   */
  plan(wishes: PretrainingWishes, cases: number): MethodPlan;
}

/** A method with its recipe closed in. */
export interface MethodPlan {
  readonly recipe: PretrainingBase;
  /** The network that is pre-trained. */
  readonly network: NetworkSpec;
  /** Of the templates that it trains; absent: it trains none. */
  readonly templateSizeVox?: Triple;
  begin(context: MethodContext): MethodRun;
}

export interface MethodContext {
  readonly cases: CaseStore<PretrainingVolumes>;
  /** Those that any case has. */
  readonly modalities: readonly Modality[];
  /** Weights of the network to start from, all that it has; absent: fresh ones. */
  readonly weights?: ReadonlyMap<string, Tensor> | undefined;
  /** The start of all random streams of the run. */
  readonly random: Random;
  readonly compile: CompileOptions;
}

/** The part of an update that is one micro-batch. */
export interface MicroBatchRequest {
  /** Indices of the cases that its samples come from. */
  readonly cases: readonly number[];
  readonly epoch: number;
  /** True if it is the update's last one, which applies it. */
  readonly isLast: boolean;
  readonly rates: RateFeeds;
  readonly random: Random;
}

/** One pre-training: its state on the device, its micro-batches, and its results. */
export interface MethodRun {
  readonly state: ReadonlyMap<string, StateTensor>;
  micro(request: MicroBatchRequest): Promise<MicroBatch>;
  /** Draws what has been learnt so far, read from the device, as a PNG. */
  picture(engine: Engine): Promise<Uint8Array>;
  /** The network with trained weights, for one volume. */
  inference(state: ReadonlyMap<string, Tensor>): Graph;
  /** Writes the package's files that only this method has. */
  writeFiles(directory: string, state: ReadonlyMap<string, Tensor>): Promise<void>;
}
