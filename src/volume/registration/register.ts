/**
 * Quick registration of heads, or of like parts of them: coarse grids, normalised cross-correlation, several starts. Images
 * of one modality may differ by gain, offset and moderate changes of contrast; modalities of one subject count together.
 */
import { findForeground } from "../foreground/foreground.ts";
import { dilated } from "../foreground/morphology.ts";
import {
  applyAffine,
  type Grid,
  type GridImage,
  invertAffine,
  multiplyAffines,
  perAxis,
  sameGrid,
  spacingOf,
  voxelMl,
} from "../grid/grid.ts";
import { percentiles } from "../intensity.ts";
import { sampleOnto } from "../sampling/onto_grid.ts";
import { climbed, type Comparison, correlationsOf, meanOf } from "./correlation.ts";
import { matrixOf, type Motion, type MotionKind } from "./motion.ts";
import { shrunk } from "./shrunk.ts";
import { startsOf } from "./starts.ts";

export interface RegisterOptions {
  /** Default `affine`. */
  readonly kind?: MotionKind;
}

export interface Registration {
  /** 4×4, row-major: from the fixed images' RAS millimetres to the moving ones'. */
  readonly matrix: readonly number[];
  /** For each pair, the correlation of intensities where both show tissue: 1 for the same image, about 0 by chance. */
  readonly similarity: readonly number[];
  /** How much of both foregrounds is common: their Dice under the motion. */
  readonly overlap: number;
}

/** Voxels of the finer grid across the fixed image's tissue, its finest step, and the coarser grid over it. */
const ACROSS = 44;
const FINEST_MM = 1;
const COARSER = 2;
/** Steps of the search: of each start, of the best ones, of the last one. */
const STEPS = { start: 6, coarse: 15, fine: 12 };
/** Starts that are followed. */
const FOLLOWED = 3;
/** Around tissue, as many voxels of background are compared too. */
const RIM = 1;
/** Percentiles of the tissue beyond which intensities are cut, so that a vessel or a lesion cannot lead. */
const CUT = [1, 99];

/** Tissues of which one is larger by this factor show other things, such as a head and a brain. */
const UNLIKE = 1.5;

interface Levels {
  readonly fine: Level;
  readonly coarse: Level;
}

/** A subject at one resolution. */
interface Level {
  readonly images: readonly GridImage[];
  /** 1 where any of the images shows tissue, on the first one's grid. */
  readonly tissue: GridImage;
  /** Some image fills its field of view: nothing is known beyond it. */
  readonly isPart: boolean;
}

/**
 * Finds the motion that takes the fixed images to the moving ones. Images with the same number show the same modality; the
 * images of a side lie in one space, on any grids.
 * @throws {RangeError} the sides differ in number, or an image shows nothing
 */
export function register(
  fixed: readonly GridImage[],
  moving: readonly GridImage[],
  { kind = "affine" }: RegisterOptions = {},
): Registration {
  if (fixed.length !== moving.length || fixed.length === 0) {
    throw new RangeError(`Cannot register: expected as many images as ${fixed.length}, got ${moving.length}`);
  }
  const fineMm = Math.max(...[fixed[0], moving[0]].map(stepOf));
  const sides = { fixed: levelsOf(fixed, fineMm), moving: levelsOf(moving, fineMm) };
  const [one, other] = [sides.fixed, sides.moving].map(({ fine }) => tissueMl(fine));
  if (one <= UNLIKE * other) return found(sides.fixed, sides.moving, { kind, hasRim: other <= UNLIKE * one });
  const { matrix, ...figures } = found(sides.moving, sides.fixed, { kind, hasRim: false });
  return { matrix: invertAffine(matrix), ...figures };
}

/**
 * The search from one side to the other. Without a rim only the inside of the first side's tissue is compared: it is
 * the smaller one, such as a brain without its skull beside a head, whose surface has no like on the other side.
 */
function found(fixed: Levels, moving: Levels, { kind, hasRim }: { kind: MotionKind; hasRim: boolean }): Registration {
  const shown = hasRim ? rimmed : ({ tissue: { data } }: Level) => Uint8Array.from(data);
  const rough = comparisonOf(fixed.coarse, moving.coarse, shown(fixed.coarse));
  const exact = comparisonOf(fixed.fine, moving.fine, shown(fixed.fine));
  const simple = kind === "rigid" ? "rigid" : "similarity";
  const best = startsOf(fixed.coarse.tissue, moving.coarse.tissue, { scales: kind !== "rigid" && hasRim })
    .map((motion) => ({ motion, correlation: meanOf(correlationsOf(rough, motion)) }))
    .sort((a, b) => b.correlation - a.correlation)
    .slice(0, 2 * FOLLOWED)
    .map(({ motion }) => climbed(rough, motion, { kind: simple, steps: STEPS.start }))
    .sort((a, b) => b.correlation - a.correlation)
    .slice(0, FOLLOWED)
    .map(({ motion }) => climbed(rough, motion, { kind: simple, steps: STEPS.coarse }))
    .map(({ motion }) => climbed(rough, motion, { kind, steps: STEPS.coarse }))
    .reduce((a, b) => b.correlation > a.correlation ? b : a);
  const { motion } = climbed(exact, best.motion, { kind, steps: STEPS.fine });
  return { matrix: matrixOf(motion), ...judged(fixed.fine, moving.fine, motion) };
}

function levelsOf(images: readonly GridImage[], fineMm: number): Levels {
  const fine = levelOf(images, fineMm);
  return { fine, coarse: levelOf(fine.images, COARSER * fineMm) };
}

const tissueMl = ({ tissue: { data, affineRas } }: Level) => voxelMl(affineRas) * data.reduce((n, v) => n + v, 0);

/** The finer grid's step: tissue of any size is as many voxels across. */
function stepOf(image: GridImage): number {
  const small = shrunk(image, 2 * FINEST_MM), { box } = findForeground(small), own = spacingOf(small.affineRas);
  const extents = perAxis((a) => own[a] * (box === null ? small.sizeVox[a] : box.end[a] - box.start[a]));
  return Math.max(FINEST_MM, Math.max(...extents) / ACROSS);
}

function levelOf(images: readonly GridImage[], spacingMm: number): Level {
  let isPart = false, tissue: GridImage | null = null;
  const cut = images.map((image) => {
    const small = shrunk(image, spacingMm), { kind, mask, background } = findForeground(small);
    if (kind === "none") {
      throw new RangeError("Cannot register: expected images with tissue, got one that shows nothing");
    }
    isPart ||= kind === "whole";
    const shown = { ...small, data: Float32Array.from(mask) };
    if (tissue === null) tissue = shown;
    else {
      const onto = sampleOnto(shown, tissue, { interpolation: "linear" });
      tissue = { ...tissue, data: tissue.data.map((v, i) => v > 0 || onto[i] > 0.5 ? 1 : 0) };
    }
    const [low, high] = percentiles(small.data.filter((_, v) => mask[v] === 1), CUT);
    const [least, most] = [Math.min(low, background), Math.max(high, background)];
    return {
      ...small,
      data: small.data.map((v) => Math.min(Math.max(v - background, least - background), most - background)),
    };
  });
  return { images: cut, tissue: tissue!, isPart };
}

/** The fixed tissue and its rim. */
function rimmed({ tissue: { data, sizeVox } }: Level): Uint8Array {
  return dilated(Uint8Array.from(data), sizeVox, [RIM, RIM, RIM]);
}

/** Compares at the voxels of a mask on the fixed tissue's grid. */
function comparisonOf(fixed: Level, moving: Level, mask: Uint8Array): Comparison {
  return {
    points: pointsOf(fixed.tissue, mask),
    pairs: fixed.images.map((image, k) => {
      const onto = sameGrid(image, fixed.tissue)
        ? image.data
        : sampleOnto(image, fixed.tissue, { interpolation: "linear" });
      const values = onto.filter((_, v) => mask[v] === 1);
      return { values, field: { image: moving.images[k], outside: moving.isPart ? null : 0 } };
    }),
  };
}

function pointsOf({ sizeVox: [nx, ny, nz], affineRas }: Grid, mask: Uint8Array): Float64Array {
  const points = new Float64Array(3 * mask.reduce((n, v) => n + v, 0));
  for (let x = 0, v = 0, at = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) {
        if (mask[v] === 0) continue;
        points.set(applyAffine(affineRas, [x, y, z]), at);
        at += 3;
      }
    }
  }
  return points;
}

/** Similarity where both show tissue, and the Dice of the two tissues. */
function judged(fixed: Level, moving: Level, motion: Motion): Pick<Registration, "similarity" | "overlap"> {
  const matrix = matrixOf(motion), { tissue } = moving;
  const back = { ...tissue, affineRas: multiplyAffines(invertAffine(matrix), tissue.affineRas) };
  const shown = sampleOnto(back, fixed.tissue, { interpolation: "linear" });
  const common = Uint8Array.from(fixed.tissue.data, (v, i) => v > 0 && shown[i] > 0.5 ? 1 : 0);
  const [both, one, other] = [common, fixed.tissue.data, shown].map((mask) => {
    let sum = 0;
    for (const v of mask) sum += v;
    return sum;
  });
  const beyond = tissue.data.reduce((n, v) => n + v, 0) * voxelMl(back.affineRas) / voxelMl(fixed.tissue.affineRas);
  return {
    similarity: both === 0 ? fixed.images.map(() => 0) : correlationsOf(comparisonOf(fixed, moving, common), motion),
    overlap: 2 * both / (one + Math.max(beyond, other)),
  };
}
