/** The watches that a recipe asks for in one phase. */
import { voxelsOf } from "../../../volume/mod.ts";
import type { CaseStore } from "../../data/case_store.ts";
import type { DrawThread } from "../../data/drawing/draw_thread.ts";
import type { CaseVolumes } from "../../data/labelled_case.ts";
import type { Watch } from "../../loop/options.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import type { Updates } from "../../report/updates.ts";
import { CropFigures, type CropFiguresOptions } from "./crop_figures.ts";
import { EarlyStop, stopRule } from "./early_stop.ts";
import { HardCrops, hardRule } from "./hard_crops.ts";
import { heldOutCrops } from "./held_out_crops.ts";

interface WatchedPhase {
  readonly name: string;
  readonly held: readonly number[];
  readonly steps: number;
  /** The cases that it scores are not trained on. */
  readonly isWatched?: boolean;
}

export interface PhaseWatchesOptions {
  readonly recipe: ResolvedRecipe;
  readonly task: "segmentation" | "classification";
  readonly cases: CaseStore<CaseVolumes>;
}

export class PhaseWatches {
  readonly #steps: number;
  readonly #voxels: number;
  readonly #early: EarlyStop | null;
  readonly #hard: HardCrops | null;

  private constructor(
    steps: number,
    { voxels, early, hard }: { voxels: number; early: EarlyStop | null; hard: HardCrops | null },
  ) {
    this.#steps = steps;
    this.#voxels = voxels;
    this.#early = early;
    this.#hard = hard;
  }

  /** The watches of a phase, as far as it is long enough for them. */
  static async of(phase: WatchedPhase, { recipe, task, cases }: PhaseWatchesOptions): Promise<PhaseWatches> {
    const { name, held, steps, isWatched = false } = phase;
    const { batchSize, templates, checkpointEverySteps, seed, earlyStop, hardCrops } = recipe;
    const given = { steps, passes: batchSize * (templates ? 2 : 1), checkpointEverySteps };
    const stop = isWatched && held.length > 0 && earlyStop === "held-out" ? stopRule(given) : null;
    const hard = hardCrops > 0 ? hardRule({ ...given, share: hardCrops }) : null;
    const crops = stop && await heldOutCrops(held, { recipe, seed, name, caseOf: (i) => cases.get(i) });
    return new PhaseWatches(steps, {
      voxels: voxelsOf(recipe.roi),
      early: stop && crops && new EarlyStop({ rule: stop, task, crops }),
      hard: hard && new HardCrops(hard),
    });
  }

  /** The number of updates that the phase is expected to end after. */
  get end(): number {
    return this.#early?.end ?? this.#steps;
  }

  /** The rate of an update: it falls where the phase ends early. */
  rate(rateOf: (step: number) => number, step: number): number {
    return this.#early?.rate(rateOf, step) ?? rateOf(step);
  }

  /** The watches on a device. */
  on(device: CropFiguresOptions, crops: DrawThread): Watch[] {
    if (this.#early === null && this.#hard === null) return [];
    const figures = new CropFigures(device);
    return [
      ...(this.#early === null ? [] : [this.#early.watch(figures)]),
      ...(this.#hard === null ? [] : [this.#hard.watch(figures, { crops, voxels: this.#voxels })]),
    ];
  }

  /** All that they saw, for the report. */
  seen(): Pick<Updates, "watched" | "hardLooks"> {
    return { watched: this.#early?.watched(), hardLooks: this.#hard?.watched() };
  }
}
