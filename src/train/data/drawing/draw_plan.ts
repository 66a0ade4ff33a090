/** The crops of one training: each is a function of the plan, the update and its number in it, in whichever thread. */
import { Random } from "../../../tensor/mod.ts";
import { perAxis, type Triple } from "../../../volume/mod.ts";
import {
  type CropPlace,
  type DrawRecipe,
  drawSample,
  drawSampleAt,
  drawStart,
  type Sample,
  unchanged,
} from "../augment.ts";
import type { Croppable } from "../labelled_case.ts";

export interface DrawPlan {
  readonly recipe: DrawRecipe;
  /** The stream of random numbers: the recipe's seed, and the training's name. */
  readonly seed: number;
  readonly name: string;
  /** Numbers of cases; a crop is of any group as often as of another. */
  readonly groups: readonly (readonly number[])[];
  /** Places that are drawn more often; the last one that has begun holds. */
  readonly hard?: readonly HardPlaces[];
}

/** Places near which a share of the crops lies, from an update on. */
export interface HardPlaces {
  readonly from: number;
  readonly share: number;
  readonly places: readonly CropPlace[];
}

export interface CropNumber {
  readonly step: number;
  readonly i: number;
  /** True: an unchanged crop to look at, with its place; it is none of the update's own. */
  readonly isLook?: boolean;
}

/** A crop, and where it lies if it was asked for to be looked at. */
export interface DrawnCrop extends Sample {
  readonly place?: CropPlace;
}

/** Draws crop `i` of update `step`: its case, then the crop. */
export async function drawCrop(
  { recipe, seed, name, groups, hard = [] }: DrawPlan,
  { step, i, isLook = false }: CropNumber,
  caseOf: (i: number) => Promise<Croppable>,
): Promise<DrawnCrop> {
  const random = new Random(seed).fork(name).fork(`${isLook ? "look" : "update"} ${step} crop ${i}`);
  const near = isLook ? undefined : hardPlace(hard, step, random);
  if (near !== undefined) {
    const volumes = await caseOf(near.case);
    const start = moved(near.start, { roi: recipe.roi, sizeVox: volumes.sizeVox }, random);
    return drawSampleAt(volumes, { recipe, start }, random);
  }
  const group = groups.length === 1 ? groups[0] : groups[random.integer(groups.length)];
  const number = group[random.integer(group.length)], volumes = await caseOf(number);
  if (!isLook) return drawSample(volumes, recipe, random);
  const start = drawStart(volumes, recipe, random);
  return { ...drawSampleAt(volumes, { recipe: unchanged(recipe), start }, random), place: { case: number, start } };
}

/** The hard place of a crop, by a stream of its own: other crops are the same without hard places. */
function hardPlace(hard: readonly HardPlaces[], step: number, random: Random): CropPlace | undefined {
  const now = hard.findLast(({ from }) => from <= step);
  if (now === undefined || now.places.length === 0) return undefined;
  const own = random.fork("hard");
  return own.uniform() < now.share ? now.places[own.integer(now.places.length)] : undefined;
}

/** A place moved by up to a quarter of the crop, inside the volume. */
function moved(start: Triple, { roi, sizeVox }: { roi: Triple; sizeVox: Triple }, random: Random): Triple {
  return perAxis((a) => {
    const room = sizeVox[a] - roi[a], by = Math.round((random.uniform() - 0.5) * roi[a] / 2);
    return room <= 0 ? start[a] : Math.min(Math.max(start[a] + by, 0), room);
  });
}
