/**
 * The shape of a phantom's brain: which tissue is at a point. Coordinates are millimetres, RAS, origin in the middle of
 * the head. Plausible, not an atlas: ellipsoids bent by smooth noise, a cortex folded along a noise field's zero surfaces.
 */
import { waveField } from "./noise.ts";

/** Values of `Phantom.tissue`. Deep grey matter counts as grey matter. */
export const TISSUE = { background: 0, csf: 1, grey: 2, white: 3, ventricle: 4 } as const;

/** A brain: the tissue at a point, and the affinity of lesions to the point (0 outside deep white matter). */
export interface Anatomy {
  tissueAt(x: number, y: number, z: number): number;
  lesionAffinityAt(x: number, y: number, z: number): number;
}

/** A random brain. Features are at least about `resolutionMm` thick, so that coarse grids still show them. */
export function makeAnatomy(random: () => number, resolutionMm: number): Anatomy {
  const vary = (share: number) => 1 + share * (2 * random() - 1);
  const warp = [0, 1, 2].map(() => waveField(random, { wavelengthMm: 110, waves: 6 }));
  const [foldMm, foliaMm] = [Math.max(31, 6 * resolutionMm), Math.max(17, 4 * resolutionMm)];
  const folds = waveField(random, { wavelengthMm: foldMm, waves: 16 });
  const folia = waveField(random, { wavelengthMm: foliaMm, waves: 10 });
  const axes = [67 * vary(0.05), 84 * vary(0.05), 60 * vary(0.05)] as const;
  const swell = vary(0.45);
  const csfMm = Math.max(1.4, 0.5 * resolutionMm);
  const greyMm = csfMm + Math.max(2.8, 0.9 * resolutionMm);

  /** Bends the point, so that every head has its own outline and left differs a little from right. */
  const bend = (x: number, y: number, z: number) =>
    [x + 1.5 * warp[0](x, y, z), y + 1.5 * warp[1](x, y, z), z + 1.5 * warp[2](x, y, z)] as const;

  const layer = (depthMm: number) => {
    if (depthMm <= 0) return TISSUE.background;
    return depthMm < csfMm ? TISSUE.csf : depthMm < greyMm ? TISSUE.grey : TISSUE.white;
  };

  const cerebrum = (x: number, y: number, z: number) => {
    const base = z + 34 - (y < -5 ? Math.min(18, 0.5 * (-5 - y)) : 0);
    const depth = Math.min(depthIn([x, y, z - 8], axes), base);
    if (depth <= 0) return TISSUE.background;
    const fold = depth < 30 ? sheetMm(folds(x, y, z), foldMm, depth - 15) : depth;
    const fissure = z > 18 || Math.abs(y) > 48 ? Math.abs(x) + 0.3 : 99;
    const sylvian = Math.hypot(0.35 * (y - 4 - 0.5 * z), z - 2) + Math.max(0, 30 - Math.abs(x));
    return layer(Math.min(depth, fold, fissure, Math.max(0.5, sylvian)));
  };

  const cerebellum = (x: number, y: number, z: number) => {
    const depth = depthIn([x, y + 48, z + 36], [46, 29, 21]);
    if (depth <= 0) return TISSUE.background;
    return layer(Math.min(depth, sheetMm(folia(x, 0.6 * y, 1.6 * z), foliaMm, depth - 7)));
  };

  const ventricle = (x: number, y: number, z: number) => {
    const body = Math.sqrt(Math.max(0, 1 - ((y + 4) / 40) ** 2));
    const centre = 5 + 9 * Math.max(0, -y / 35) ** 2;
    const radius = Math.max(0.1, 5 * swell * body + 0.2 * resolutionMm);
    const lateral = ((Math.abs(x) - centre) / radius) ** 2 + ((z - 13 + 0.006 * y * y) / (1.5 * radius)) ** 2 < 1;
    const third = Math.abs(x) < 1.2 + 0.3 * resolutionMm && Math.abs(y + 6) < 14 && Math.abs(z + 2) < 7;
    const fourth = depthIn([x, y + 38, z + 34], [5, 4, 8]) > 0;
    return (lateral && body > 0.1) || third || fourth;
  };

  return {
    tissueAt(px, py, pz) {
      const [x, y, z] = bend(px, py, pz);
      const brain = Math.max(cerebrum(x, y, z), cerebellum(x, y, z));
      const stem = depthIn([x, y + 22, z + 34], [13, 12, 34]) > 0;
      if (brain === TISSUE.background && !stem) return TISSUE.background;
      if (ventricle(x, y, z)) return TISSUE.ventricle;
      if (stem && brain < TISSUE.grey) return TISSUE.white;
      return DEEP_GREY.some(([cx, cy, cz, ...radii]) => depthIn([Math.abs(x) - cx, y - cy, z - cz], radii) > 0)
        ? TISSUE.grey
        : brain;
    },
    lesionAffinityAt(px, py, pz) {
      const [x, y, z] = bend(px, py, pz);
      const deep = depthIn([x, y, z - 8], axes);
      if (deep < greyMm + 4 || z < -14) return 0;
      const fromVentricleMm = Math.hypot(Math.max(0, Math.abs(x) - 14), Math.max(0, Math.abs(y + 4) - 36), z - 14);
      return 0.15 + Math.exp(-fromVentricleMm / 12);
    },
  };
}

/** Centre and semi-axes of thalamus, putamen and caudate head, right half, mm. */
const DEEP_GREY: readonly (readonly [number, number, number, number, number, number])[] = [
  [11, -14, 3, 8, 13, 8],
  [26, 4, 1, 6, 15, 10],
  [13, 20, 6, 5, 9, 8],
];

/**
 * Approximate distance of a point from a sulcus, mm: the zero surface of a wave field whose value at the point is `field`.
 * The sulcus ends `belowMm` above the point.
 */
function sheetMm(field: number, wavelengthMm: number, belowMm: number): number {
  return 0.5 + Math.hypot(Math.abs(field) * wavelengthMm / (2 * Math.PI), Math.max(0, belowMm));
}

/** Approximate depth of a point inside an ellipsoid around the origin, mm; negative outside. */
function depthIn(point: readonly number[], axes: readonly number[]): number {
  const [u, v, w] = [point[0] / axes[0], point[1] / axes[1], point[2] / axes[2]];
  const r = Math.hypot(u, v, w);
  if (r < 1e-6) return Math.min(...axes);
  return ((1 - r) * r) / Math.hypot(u / axes[0], v / axes[1], w / axes[2]);
}
