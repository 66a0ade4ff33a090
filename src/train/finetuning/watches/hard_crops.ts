/**
 * Draws crops more often where the network errs: now and then it answers on random crops of the cases that it is trained on,
 * and later crops lie near those with the largest errors.
 */
import { perAxis } from "../../../volume/mod.ts";
import type { DrawThread } from "../../data/drawing/draw_thread.ts";
import type { HardPlaces } from "../../data/drawing/draw_plan.ts";
import type { Watch } from "../../loop/options.ts";
import type { CropFigures, CropSum } from "./crop_figures.ts";
import { DRAWN_AHEAD, FORWARD, upTo } from "./looks.ts";

/** Crops of a look, and the share of them that counts as hard. */
const CROPS = 32;
const HARD = 1 / 3;
/** Looks whose hard crops are drawn from: more than the last one, so that a third of all crops is not of ten places. */
const KEPT_LOOKS = 4;
/** The most of the time that looking may take. */
const COST = 0.04;
/** Fewer looks change too little. */
const LEAST_LOOKS = 2;
/** Added to both sides of a crop's Dice, as a share of its voxels: a few false voxels where there is no label are no error. */
const SMOOTH = 1e-3;

export interface HardRule {
  readonly everySteps: number;
  readonly checkpointEverySteps: number;
  /** Share of the crops that lie near hard places. */
  readonly share: number;
}

/** The rule for a training; null: it is too short for one. */
export function hardRule(
  { steps, passes, checkpointEverySteps, share }: Omit<HardRule, "everySteps"> & {
    readonly steps: number;
    /** Crops and views of an update. */
    readonly passes: number;
  },
): HardRule | null {
  const everySteps = upTo(checkpointEverySteps, CROPS * FORWARD / passes / COST);
  return steps <= LEAST_LOOKS * everySteps ? null : { everySteps, checkpointEverySteps, share };
}

/** The error on a crop: 1 less the labels' mean soft Dice. */
export function cropError(sums: readonly CropSum[], voxels: number): number {
  const smooth = SMOOTH * voxels;
  return sums.reduce((n, s) => n + 1 - (2 * s.both + smooth) / (s.own + s.other + smooth), 0) / sums.length;
}

/** Numbers of one crop: its case, its place, its error. */
const NUMBERS = 5;

/** The hard places from the numbers of all looks. */
export function hardPlaces(
  values: readonly number[],
  { everySteps, checkpointEverySteps, share }: HardRule,
): HardPlaces[] {
  const perLook = NUMBERS * CROPS, looks = Math.floor(values.length / perLook);
  const hardest = Array.from({ length: looks }, (_, look) => {
    const crops = Array.from({ length: CROPS }, (_, k) => {
      const [number, x, y, z, error] = values.slice(look * perLook + k * NUMBERS, look * perLook + (k + 1) * NUMBERS);
      return { case: number, start: perAxis((a) => [x, y, z][a]), error };
    });
    return crops.toSorted((a, b) => b.error - a.error).slice(0, Math.round(HARD * CROPS));
  });
  return hardest.map((_, look) => ({
    from: (look + 1) * everySteps + upTo(checkpointEverySteps, DRAWN_AHEAD),
    share,
    places: hardest.slice(Math.max(look + 1 - KEPT_LOOKS, 0), look + 1).flat().map(({ error: _, ...place }) => place),
  }));
}

/** Looks of one training. */
export class HardCrops {
  readonly #rule: HardRule;
  readonly #start = performance.now();
  #looks = 0;
  #seconds = 0;

  constructor(rule: HardRule) {
    this.#rule = rule;
  }

  watch(figures: CropFigures, { crops, voxels }: { readonly crops: DrawThread; readonly voxels: number }): Watch {
    const rule = this.#rule;
    return {
      name: "hard",
      everySteps: rule.everySteps,
      measure: async (step) => {
        const begun = performance.now();
        const drawn = await Promise.all(Array.from({ length: CROPS }, (_, i) => crops.draw({ step, i, isLook: true })));
        const sums = await figures.of(drawn);
        this.#seconds += (performance.now() - begun) / 1000;
        return drawn.flatMap(({ place }, k) => [place!.case, ...place!.start, cropError(sums[k], voxels)]);
      },
      onValues: (values) => {
        const hard = hardPlaces(values, rule);
        this.#looks = hard.length;
        crops.setHard(hard);
        return undefined;
      },
      end: () => figures.end(),
    };
  }

  /** Looks until now, and the share of the time that they took. */
  watched(): { readonly looks: number; readonly share: number } {
    return { looks: this.#looks, share: this.#seconds / Math.max((performance.now() - this.#start) / 1000, 1e-9) };
  }
}
