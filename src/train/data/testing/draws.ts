/** Volumes whose voxels show where they come from, samples of them, and counts of draws, for tests of drawing. */
import assert from "node:assert/strict";
import { Random } from "../../../tensor/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import { type Recipe, resolveRecipe } from "../../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import { drawSample } from "../augment.ts";
import type { Croppable } from "../labelled_case.ts";

interface Wishes extends Partial<ResolvedRecipe> {
  readonly preset?: Recipe["preset"];
}

export const UNCHANGED = { shift: 0, scale: 0, gamma: 0, perChannel: false };

/** A preset without intensity changes, so that a sample's voxels show where they come from. */
export function recipeOf({ preset = "edge", ...changes }: Wishes): ResolvedRecipe {
  const context = {
    cases: 1,
    baseHasTemplates: true,
    task: "segmentation",
    network: "uniunet",
    percentilesOver: null,
  } as const;
  return { ...resolveRecipe({ preset }, context), intensity: UNCHANGED, ...changes };
}

/** Channel c holds 1000·(c + 1) + the voxel's index, its template the negative; voxels with `labels` are the region. */
export function volumesOf(
  sizeVox: Triple,
  { channels = 1, templates = channels, labels = [] }: {
    channels?: number;
    templates?: number;
    labels?: readonly number[];
  } = {},
): Croppable {
  const voxels = sizeVox[0] * sizeVox[1] * sizeVox[2];
  const ramp = (c: number, sign: number) =>
    Float32Array.from({ length: voxels }, (_, i) => sign * (1000 * (c + 1) + i));
  return {
    sizeVox,
    channels: Array.from({ length: channels }, (_, c) => ramp(c, 1)),
    templates: Array.from({ length: templates }, (_, c) => ramp(c, -1)),
    regions: [Uint8Array.from({ length: voxels }, (_, i) => Number(labels.includes(i)))],
    labelled: Uint32Array.from(labels),
    labelledOf: [Uint32Array.from(labels)],
  };
}

export const samples = (volumes: Croppable, recipe: ResolvedRecipe, n: number) =>
  Array.from({ length: n }, (_, i) => drawSample(volumes, recipe, new Random(i)));

/** Asserts that a count among `n` draws of probability `p` lies within five standard deviations. */
export function assertShare(count: number, { n, p }: { n: number; p: number }, what: string): void {
  const spread = 5 * Math.sqrt(n * p * (1 - p));
  assert.ok(Math.abs(count - n * p) <= spread, `${what}: ${count} of ${n}, expected ${n * p} ± ${spread}`);
}
