/** The crops of one training: each is a function of the plan, the update and its number in it, in whichever thread. */
import { Random } from "../../../tensor/mod.ts";
import { type DrawRecipe, drawSample, type Sample } from "../augment.ts";
import type { Croppable } from "../labelled_case.ts";

export interface DrawPlan {
  readonly recipe: DrawRecipe;
  /** The stream of random numbers: the recipe's seed, and the training's name. */
  readonly seed: number;
  readonly name: string;
  /** Numbers of cases; a crop is of any group as often as of another. */
  readonly groups: readonly (readonly number[])[];
}

export interface CropNumber {
  readonly step: number;
  readonly i: number;
}

/** Draws crop `i` of update `step`: its case, then the crop. */
export async function drawCrop(
  { recipe, seed, name, groups }: DrawPlan,
  { step, i }: CropNumber,
  caseOf: (i: number) => Promise<Croppable>,
): Promise<Sample> {
  const random = new Random(seed).fork(name).fork(`update ${step} crop ${i}`);
  const group = groups.length === 1 ? groups[0] : groups[random.integer(groups.length)];
  return drawSample(await caseOf(group[random.integer(group.length)]), recipe, random);
}
