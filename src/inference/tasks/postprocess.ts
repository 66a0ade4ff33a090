/**
 * Changes of finished masks on the file's grid: one record a kind, each on the mask of one region. Parts are connected by
 * faces, edges and corners; a hole is a part of the background, connected by faces, that does not reach the border.
 */
import { paint, partsOf, type Triple } from "../../volume/mod.ts";
import type { Postprocessing } from "../spec.ts";
import type { Regions } from "./regions.ts";

export interface MaskGrid {
  readonly sizeVox: Triple;
  /** mL of a voxel. */
  readonly voxelMl: number;
}

type Kind = Postprocessing["kind"];
type StepOf<K extends Kind> = Extract<Postprocessing, { kind: K }>;
/** Changes a mask in place. */
type Change<K extends Kind> = (mask: Uint8Array, grid: MaskGrid, step: StepOf<K>) => void;

const CHANGES: { readonly [K in Kind]: Change<K> } = {
  "largest-component"(mask, { sizeVox }) {
    const parts = partsOf(mask, sizeVox, { value: 1, neighbours: 26 });
    let largest = 0; // the first of equals, in the order of first voxels
    for (const [p, voxels] of parts.voxels.entries()) if (voxels > parts.voxels[largest]) largest = p;
    paint(parts, mask, (part) => part !== largest, 0);
  },
  "smallest-size"(mask, { sizeVox, voxelMl }, { ml, voxels }) {
    const parts = partsOf(mask, sizeVox, { value: 1, neighbours: 26 });
    const least = voxels ?? ml! / voxelMl;
    paint(parts, mask, (part) => parts.voxels[part] < least, 0);
  },
  "fill-holes"(mask, { sizeVox }) {
    const holes = partsOf(mask, sizeVox, { value: 0 });
    paint(holes, mask, (part) => holes.atBorder[part] === 0, 1);
  },
};

function changed<K extends Kind>(mask: Uint8Array, grid: MaskGrid, step: StepOf<K> & { readonly kind: K }): Uint8Array {
  CHANGES[step.kind](mask, grid, step);
  return mask;
}

export interface PostprocessOptions extends MaskGrid {
  readonly labels: readonly { readonly name: string }[];
  readonly steps: readonly Postprocessing[];
  /** True: a voxel has one label at most, so that a hole is filled only where no other label is. */
  readonly exclusive: boolean;
}

/** Changes the regions of a mask, step by step; a label's regions are seen before they are painted over one another. */
export function postprocess(regions: Regions, { labels, steps, exclusive, ...grid }: PostprocessOptions): void {
  for (const step of steps) {
    const chosen = [...labels.keys()].filter((i) => step.labels?.includes(labels[i].name) ?? true);
    if ("together" in step && step.together) {
      const all = new Uint8Array(regions.voxels);
      for (const i of chosen) {
        const mask = regions.maskOf(i);
        for (let v = 0; v < all.length; v++) all[v] |= mask[v];
      }
      changed(all, grid, step);
      for (const i of chosen) {
        const mask = regions.maskOf(i);
        for (let v = 0; v < all.length; v++) mask[v] &= all[v];
        regions.replace(i, mask);
      }
      continue;
    }
    for (const i of chosen) {
      const before = regions.maskOf(i), after = changed(before.slice(), grid, step);
      if (exclusive) {
        for (let v = 0; v < after.length; v++) if (after[v] > before[v] && !regions.isFree(v)) after[v] = 0;
      }
      regions.replace(i, after);
    }
  }
}
