/** Crops of the patients that a fold holds out, drawn once and unchanged: half of them around labels. */
import { Random } from "../../../tensor/mod.ts";
import { type DrawRecipe, drawSample, type Sample, unchanged } from "../../data/augment.ts";
import type { Croppable } from "../../data/labelled_case.ts";
import { HELD_CROPS } from "./early_stop.ts";

/** The crops of one fold. */
export async function heldOutCrops(
  held: readonly number[],
  { recipe, seed, name, caseOf }: {
    readonly recipe: DrawRecipe;
    readonly seed: number;
    readonly name: string;
    readonly caseOf: (i: number) => Promise<Croppable>;
  },
): Promise<Sample[]> {
  const own = { ...unchanged(recipe), lesionShare: 0.5 }, random = new Random(seed).fork(name);
  const crops: Sample[] = [];
  for (let k = 0; k < HELD_CROPS; k++) {
    crops.push(drawSample(await caseOf(held[k % held.length]), own, random.fork(`held-out crop ${k}`)));
  }
  return crops;
}
