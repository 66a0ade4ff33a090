/** Options and events of the training loop, which its calls of the device share. */
import type { Engine } from "../../engine/mod.ts";
import type { StateTensor, Update } from "./program.ts";

export interface LoopEvent {
  /** Updates done. */
  readonly step: number;
  readonly learningRate: number;
  /** Mean time of the updates since the first that this call did; 0 after that one. */
  readonly secondsPerUpdate: number;
  /** This update's value of every curve. */
  readonly values: Readonly<Record<string, number>>;
}

/** Looks at the state on its way; its numbers are kept with the checkpoint, so that a resumed run knows them. */
export interface Watch {
  readonly name: string;
  /** A multiple of `checkpointEverySteps`. */
  readonly everySteps: number;
  /** Numbers about the state on the device after `step` updates; the same for the same state. */
  readonly measure: (step: number) => Promise<readonly number[]>;
  /**
   * Receives all numbers so far: those of the checkpoint at the start, and after each measurement. Returns the number of
   * updates after which the training ends, a multiple of `checkpointEverySteps`; undefined: as planned.
   */
  readonly onValues: (values: readonly number[]) => number | undefined;
  /** Releases what it holds on the device. */
  readonly end: () => Promise<void>;
}

export interface LoopOptions {
  readonly engine: Engine;
  /** The training's name in messages: "fine-tune". */
  readonly title: string;
  readonly state: ReadonlyMap<string, StateTensor>;
  /** Scalar outputs that are recorded, as means over the micro-batches; the first one is the loss. */
  readonly curves: readonly string[];
  readonly steps: number;
  readonly checkpointEverySteps: number;
  /** The folder of the checkpoint, and the key of the run: only a checkpoint of the same run is resumed. */
  readonly directory: string;
  readonly run: string;
  /** Returns update `step`, from 0; the same for the same number. */
  readonly update: (step: number) => Update;
  /** True: another thread draws the micro-batches, so that several are asked for ahead of the device. */
  readonly drawsElsewhere?: boolean | undefined;
  /** Returns true to end before the last step; asked after every call. */
  readonly stop?: ((losses: readonly number[]) => boolean) | undefined;
  readonly watches?: readonly Watch[] | undefined;
  readonly signal?: AbortSignal;
  readonly onStep: (event: LoopEvent) => void | Promise<void>;
  /** Messages for the user. */
  readonly onLog: (message: string) => void;
}
