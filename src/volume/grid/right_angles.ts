/** A grid at right angles in the place of a sheared one, for what measures distances along axes. */
import { applyAffine, type Grid, perAxis, type Triple } from "./grid.ts";

/**
 * A grid at right angles that covers another: the first axis stays, the second and third are turned upright, and voxels
 * keep their volume and the rows of the first two axes their places. A grid at right angles is covered by itself.
 */
export function rightAngled({ sizeVox, affineRas: m }: Grid): Grid {
  const columns = [0, 1, 2].map((a) => perAxis((r) => m[4 * r + a]));
  const axes: Triple[] = [];
  const spacingMm: number[] = [];
  for (const column of columns) {
    const upright = axes.reduce((v, axis) => perAxis((r) => v[r] - dot(axis, column) * axis[r]), column);
    const length = Math.hypot(...upright);
    spacingMm.push(length);
    axes.push(perAxis((r) => upright[r] / length));
  }
  // Places of the outer voxels' centres along the new axes, in new voxels from the first centre.
  const first = applyAffine(m, [0, 0, 0]);
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => {
    const mm = applyAffine(m, perAxis((a) => (k >> a & 1) * (sizeVox[a] - 1)));
    return perAxis((a) => dot(axes[a], perAxis((r) => mm[r] - first[r])) / spacingMm[a]);
  });
  const low = perAxis((a) => Math.floor(Math.min(...corners.map((c) => c[a])) + 1e-6));
  const high = perAxis((a) => Math.ceil(Math.max(...corners.map((c) => c[a])) - 1e-6));
  const rows = [0, 1, 2].flatMap((r) => {
    const steps = perAxis((a) => axes[a][r] * spacingMm[a]);
    return [...steps, first[r] + dot(steps, low)];
  });
  return { sizeVox: perAxis((a) => high[a] - low[a] + 1), affineRas: [...rows, 0, 0, 0, 1] };
}

function dot(a: Triple, b: Triple): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
