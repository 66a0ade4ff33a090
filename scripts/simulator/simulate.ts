/** Simulates a subject or a crop of one: plan, ideal image, scanner, strip. Pure: the same options give the same voxels. */
import { Random } from "../../src/tensor/mod.ts";
import { type Grid, spacingAffine, type Triple, voxelsOf } from "../../src/volume/mod.ts";
import type { Anatomy } from "./anatomy/anatomy.ts";
import { coarseField, coarseNodes, coarseRow, controlAt, type Region } from "./fields/fields.ts";
import type { Modality } from "./image/modalities.ts";
import { scan } from "./image/scanner.ts";
import { renderTissue, type TissueImage } from "./image/tissue.ts";
import { cropPlace, planSubject, type SubjectOptions, type SubjectPlan } from "./plan.ts";

export interface Subject {
  readonly grid: Grid;
  /** Intensities ≥ 0 but for rounding; 0 outside a stripped brain. */
  readonly channels: ReadonlyMap<Modality, Float32Array>;
  /** Structure of each voxel, from 1, in the order of `STRUCTURES`; under lesions the structure without them. */
  readonly labels: Uint16Array;
  /** 1 in lesions. */
  readonly lesion: Uint8Array;
}

/**
 * A whole head.
 * @example
 * const anatomy = await readAnatomy("anatomy01.nii.gz");
 * const { grid, channels, labels } = simulateSubject(anatomy, { seed: 1, modalities: ["t1", "flair"] });
 */
export function simulateSubject(anatomy: Anatomy, options: SubjectOptions): Subject {
  const plan = planSubject(anatomy, options);
  return renderRegion(plan, { fromVox: [0, 0, 0], sizeVox: plan.grid.sizeVox });
}

export interface CropOptions extends SubjectOptions {
  readonly sizeVox: Triple;
}

/** A crop of a head at a random place that the brain reaches, without making the head. */
export function simulateCrop(anatomy: Anatomy, { sizeVox, ...options }: CropOptions): Subject {
  const plan = planSubject(anatomy, options);
  const random = new Random(plan.seed).fork("crop");
  return renderRegion(plan, { fromVox: cropPlace(random, plan, sizeVox), sizeVox });
}

/** A part of a planned subject. Labels agree with the whole head's exactly; noise is the part's own. */
export function renderRegion(plan: SubjectPlan, region: Region): Subject {
  const { grid, acquisitions, modalities } = plan;
  const margins = ([0, 1, 2] as const).map((a) => marginOf(plan, region, a));
  const wide: Region = {
    fromVox: [0, 1, 2].map((a) => region.fromVox[a] - margins[a]) as [number, number, number],
    sizeVox: [0, 1, 2].map((a) => region.sizeVox[a] + 2 * margins[a]) as [number, number, number],
  };
  const tissue = renderTissue(plan, { grid, region: wide });
  const [mx, my, mz] = margins;
  const cut = { wide: wide.sizeVox, sizeVox: region.sizeVox, margins: [mx, my, mz] } as const;
  const kept = keptByStrip(plan, tissue, wide);
  const channels = new Map<Modality, Float32Array>();
  const noise = new Random(plan.seed).fork(`noise ${region.fromVox.join()} ${region.sizeVox.join()}`);
  for (const [m, modality] of modalities.entries()) {
    const values = scan(tissue.images[m], acquisitions[m], { grid, region: wide, random: noise.fork(modality) });
    const { gain } = acquisitions[m];
    for (let i = 0; i < values.length; i++) values[i] = kept === null || kept[i] === 1 ? gain * values[i] : 0;
    channels.set(modality, inner(values, cut, new Float32Array(voxelsOf(region.sizeVox))));
  }
  return {
    grid: regionGrid(grid, region),
    channels,
    labels: inner(tissue.structures, cut, new Uint16Array(voxelsOf(region.sizeVox))),
    lesion: inner(tissue.lesion, cut, new Uint8Array(voxelsOf(region.sizeVox))),
  };
}

/** Voxels around a region that blurs and thick slices reach from; none where the region is the whole axis. */
function marginOf({ grid, acquisitions }: SubjectPlan, { sizeVox }: Region, axis: 0 | 1 | 2): number {
  if (sizeVox[axis] >= grid.sizeVox[axis]) return 0;
  const thickest = Math.max(...acquisitions.map(({ resolutionMm }) => resolutionMm[axis]));
  return Math.min(8, Math.ceil(thickest / grid.affineRas[5 * axis]) + 1);
}

/** 1 where a strip leaves the image; null where the skull stays. */
function keptByStrip({ strip, grid }: SubjectPlan, { brainDistance }: TissueImage, region: Region): Uint8Array | null {
  if (strip === null) return null;
  const f = grid.affineRas, [nx, ny, nz] = region.sizeVox, [fx, fy, fz] = region.fromVox;
  const field = coarseField(
    coarseNodes(region, Math.max(1, Math.round(4 / f[0]))),
    (x, y, z) => strip.reachMm + controlAt(strip.errorMm, f[0] * x + f[3], f[5] * y + f[7], f[10] * z + f[11]),
  );
  const kept = new Uint8Array(brainDistance.length), row = new Float32Array(nz);
  for (let x = 0, o = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      coarseRow(field, [x + fx, y + fy, fz], row);
      for (let k = 0; k < nz; k++, o++) kept[o] = Number(brainDistance[o] <= row[k]);
    }
  }
  return kept;
}

interface Cut {
  readonly wide: Triple;
  readonly sizeVox: Triple;
  readonly margins: Triple;
}

/** The region without its margins. */
function inner<T extends Float32Array | Uint16Array | Uint8Array>(
  data: T,
  { wide, sizeVox, margins }: Cut,
  into: T,
): T {
  if (margins.every((m) => m === 0)) return data;
  const [nx, ny, nz] = sizeVox;
  for (let x = 0, o = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++, o += nz) {
      const from = ((x + margins[0]) * wide[1] + y + margins[1]) * wide[2] + margins[2];
      into.set(data.subarray(from, from + nz), o);
    }
  }
  return into;
}

function regionGrid({ affineRas }: Grid, { fromVox, sizeVox }: Region): Grid {
  const spacing = ([0, 1, 2] as const).map((a) => affineRas[5 * a]);
  const origin = ([0, 1, 2] as const).map((a) => affineRas[4 * a + 3] + fromVox[a] * spacing[a]);
  return {
    sizeVox,
    affineRas: spacingAffine([spacing[0], spacing[1], spacing[2]], [origin[0], origin[1], origin[2]]),
  };
}
