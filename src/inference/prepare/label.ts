/**
 * A label map brought from its own grid to the network's, once, so that small lesions survive. Nearest neighbour loses a
 * fifth of the lesions between 1 and 2 mm, linear interpolation cut at one half a third (docs/method B.3.6). Knows no files.
 */
import {
  applyAffine,
  type Box,
  boxSize,
  type Grid,
  type GridImage,
  partsOf,
  perAxis,
  type Triple,
  voxelMl,
  voxelsOf,
  voxToVox,
} from "../../volume/mod.ts";
import type { Label } from "../spec.ts";

/** One label on the network's grid, beside the file's. */
export interface LabelOnGrid {
  /** 0 and 1, [X, Y, Z]. */
  readonly mask: Uint8Array;
  readonly fileMl: number;
  readonly gridMl: number;
  /** Connected components in the file, and how many of them lie outside the network's grid. */
  readonly components: number;
  readonly outside: number;
}

/**
 * Each label of a map of whole numbers on another grid. A voxel's share of a component is the component's indicator,
 * interpolated linearly and averaged over the voxel. A component gets as many voxels as its volume fills, at least one:
 * those with the largest shares. So volumes stay, and no component inside the grid is lost.
 */
export function labelOnGrid(
  volume: GridImage,
  grid: Grid,
  labels: readonly Pick<Label, "value" | "sourceValues">[],
): LabelOnGrid[] {
  const boxes = boxesOf(volume);
  return labels.map(({ value, sourceValues = [value] }) => {
    const mask = new Uint8Array(voxelsOf(grid.sizeVox));
    const found = sourceValues.flatMap((v) => boxes.get(v) ?? []);
    if (found.length === 0) return { mask, fileMl: 0, gridMl: 0, components: 0, outside: 0 };
    const lesions = lesionsIn(volume, { box: found.reduce(union), values: new Set(sourceValues) });
    const outside = fill(mask, { lesions, volume, grid });
    const voxels = mask.reduce((n, v) => n + v, 0);
    return {
      mask,
      fileMl: lesions.sizes.reduce((a, b) => a + b) * voxelMl(volume.affineRas),
      gridMl: voxels * voxelMl(grid.affineRas),
      components: lesions.sizes.length,
      outside,
    };
  });
}

/** The components of one label in a box of the file. */
interface Lesions {
  readonly box: Box;
  readonly sizeVox: Triple;
  /** Each voxel's component, from 1; 0: none. */
  readonly components: Int32Array;
  readonly sizes: readonly number[];
}

/** The box of each value but 0. */
function boxesOf({ data, sizeVox: [nx, ny, nz] }: GridImage): Map<number, Box> {
  const found = new Map<number, Int32Array>();
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) {
        const value = data[v];
        if (value === 0) continue;
        let box = found.get(value);
        if (box === undefined) found.set(value, box = Int32Array.of(x, y, z, x, y, z));
        if (x > box[3]) box[3] = x;
        if (y < box[1]) box[1] = y;
        else if (y > box[4]) box[4] = y;
        if (z < box[2]) box[2] = z;
        else if (z > box[5]) box[5] = z;
      }
    }
  }
  return new Map(
    [...found].map(([value, b]) => [value, { start: perAxis((a) => b[a]), end: perAxis((a) => b[3 + a] + 1) }]),
  );
}

const union = (a: Box, b: Box): Box => ({
  start: perAxis((i) => Math.min(a.start[i], b.start[i])),
  end: perAxis((i) => Math.max(a.end[i], b.end[i])),
});

function lesionsIn(
  { data, sizeVox: [, ny, nz] }: GridImage,
  { box, values }: { box: Box; values: ReadonlySet<number> },
): Lesions {
  const sizeVox = boxSize(box), mask = new Uint8Array(voxelsOf(sizeVox));
  for (let x = box.start[0], o = 0; x < box.end[0]; x++) {
    for (let y = box.start[1]; y < box.end[1]; y++) {
      const row = (x * ny + y) * nz;
      for (let z = box.start[2]; z < box.end[2]; z++, o++) if (values.has(data[row + z])) mask[o] = 1;
    }
  }
  const { start, end, part, voxels } = partsOf(mask, sizeVox, { value: 1, neighbours: 26 });
  const components = new Int32Array(mask.length);
  for (let i = 0; i < part.length; i++) components.fill(part[i] + 1, start[i], end[i]);
  return { box, sizeVox, components, sizes: [...voxels] };
}

/** Sets the voxels of every component in `mask`; returns how many components lie outside the grid. */
function fill(
  mask: Uint8Array,
  { lesions, volume, grid }: { lesions: Lesions; volume: Grid; grid: Grid },
): number {
  const shares = sharesOf(lesions, { volume, grid });
  const inside = insideOf(lesions, { volume, grid });
  const perVoxel = voxelMl(volume.affineRas) / voxelMl(grid.affineRas);
  let outside = 0;
  for (const [c, count] of inside.entries()) {
    const { at, share } = shares[c];
    if (count === 0 || at.length === 0) outside++;
    else for (const i of largest(share, Math.max(1, Math.round(count * perVoxel)))) mask[at[i]] = 1;
  }
  return outside;
}

/** Voxels of the grid with a share of a component. */
interface Shares {
  readonly at: number[];
  readonly share: number[];
}

/** Half a voxel and the rounding noise of two affines: so far beyond its outer centres a file has its border's values. */
const REACH = 0.5 + 1e-4;

/** Parts of a voxel along an axis, at most. */
const MOST_PARTS = 16;

/** The shares of every component, in the order of their numbers. */
function sharesOf(
  { box, sizeVox, components, sizes }: Lesions,
  { volume, grid }: { volume: Grid; grid: Grid },
): Shares[] {
  const shares = sizes.map((): Shares => ({ at: [], share: [] }));
  const map = voxToVox(grid, volume);
  const parts = subvoxelsOf(map);
  const near = within(grid, voxToVox(volume, grid), box);
  const [bx, by, bz] = sizeVox, [, ny, nz] = grid.sizeVox;
  const found: number[] = [], sums: number[] = [];
  for (let i = near.start[0]; i < near.end[0]; i++) {
    for (let j = near.start[1]; j < near.end[1]; j++) {
      for (let k = near.start[2]; k < near.end[2]; k++) {
        const [px, py, pz] = applyAffine(map, [i, j, k]);
        found.length = sums.length = 0;
        for (const [dx, dy, dz] of parts) {
          const x = onAxis(px + dx, volume.sizeVox[0]) - box.start[0];
          const y = onAxis(py + dy, volume.sizeVox[1]) - box.start[1];
          const z = onAxis(pz + dz, volume.sizeVox[2]) - box.start[2];
          // also where one of them is NaN, outside the file
          if (!(x > -1 && y > -1 && z > -1 && x < bx && y < by && z < bz)) continue;
          const fx = Math.floor(x), fy = Math.floor(y), fz = Math.floor(z);
          for (let corner = 0; corner < 8; corner++) {
            const cx = fx + (corner >> 2), cy = fy + (corner >> 1 & 1), cz = fz + (corner & 1);
            if (cx < 0 || cy < 0 || cz < 0 || cx >= bx || cy >= by || cz >= bz) continue;
            const component = components[(cx * by + cy) * bz + cz];
            if (component === 0) continue;
            const weight = (1 - Math.abs(x - cx)) * (1 - Math.abs(y - cy)) * (1 - Math.abs(z - cz));
            const known = found.indexOf(component);
            if (known >= 0) sums[known] += weight;
            else if (weight > 0) {
              found.push(component);
              sums.push(weight);
            }
          }
        }
        for (const [n, component] of found.entries()) {
          shares[component - 1].at.push((i * ny + j) * nz + k);
          shares[component - 1].share.push(sums[n] / parts.length);
        }
      }
    }
  }
  return shares;
}

/** A coordinate within the file's border; NaN beyond it. */
function onAxis(at: number, extent: number): number {
  return at < -REACH || at > extent - 1 + REACH ? NaN : Math.min(Math.max(at, 0), extent - 1);
}

/** Where the parts of a voxel lie around its centre, in voxels of the file; as fine as these along every axis. */
function subvoxelsOf(map: readonly number[]): Triple[] {
  const along = [0, 1, 2].map((a) => {
    const step = Math.max(...[0, 1, 2].map((r) => Math.abs(map[4 * r + a])));
    const count = Math.min(Math.max(Math.ceil(step - 1e-3), 1), MOST_PARTS);
    return Array.from({ length: count }, (_, n) => (n + 0.5) / count - 0.5);
  });
  const turned = [...map];
  for (const r of [0, 1, 2]) turned[4 * r + 3] = 0;
  return along[0].flatMap((x) => along[1].flatMap((y) => along[2].map((z) => applyAffine(turned, [x, y, z]))));
}

/** The voxels of the grid that a box of the file may touch. */
function within({ sizeVox }: Grid, map: readonly number[], { start, end }: Box): Box {
  const corners = Array.from(
    { length: 8 },
    (_, n) => applyAffine(map, perAxis((a) => (n >> a & 1) === 0 ? start[a] - 1 : end[a])),
  );
  return {
    start: perAxis((a) => Math.max(0, Math.floor(Math.min(...corners.map((p) => p[a])) - 0.5))),
    end: perAxis((a) => Math.min(sizeVox[a], Math.ceil(Math.max(...corners.map((p) => p[a])) + 0.5) + 1)),
  };
}

/** How many voxels of each component have their centre inside the grid. */
function insideOf(
  { box, sizeVox, components, sizes }: Lesions,
  { volume, grid }: { volume: Grid; grid: Grid },
): number[] {
  const map = voxToVox(volume, grid);
  const counts = sizes.map(() => 0);
  for (let x = 0, v = 0; x < sizeVox[0]; x++) {
    for (let y = 0; y < sizeVox[1]; y++) {
      for (let z = 0; z < sizeVox[2]; z++, v++) {
        if (components[v] === 0) continue;
        const at = applyAffine(map, [x + box.start[0], y + box.start[1], z + box.start[2]]);
        if (at.every((p, a) => p >= -REACH && p <= grid.sizeVox[a] - 1 + REACH)) counts[components[v] - 1]++;
      }
    }
  }
  return counts;
}

/** Indices of the `count` largest shares; the first among equals. */
function largest(share: readonly number[], count: number): number[] {
  const order = share.map((_, i) => i);
  return order.sort((a, b) => share[b] - share[a] || a - b).slice(0, count);
}
