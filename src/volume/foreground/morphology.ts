/** Dilation and closing of masks by boxes, axis by axis. */
import { cutWindow } from "../sampling/crop.ts";
import { perAxis, type Triple } from "../grid/grid.ts";

/** The mask grown by `reach` voxels along each axis. */
export function dilated(mask: Uint8Array, sizeVox: Triple, reach: Triple): Uint8Array {
  return spread(mask, { sizeVox, reach, value: 1 });
}

/** The mask with gaps closed that are up to `2·reach` voxels wide; nothing is closed beyond the border. */
export function closed(mask: Uint8Array, sizeVox: Triple, reach: Triple): Uint8Array {
  return spread(dilated(mask, sizeVox, reach), { sizeVox, reach, value: 0 });
}

/** The mask less what lies within `reach` voxels of its surface; beyond the border there is none. */
export function eroded(mask: Uint8Array, sizeVox: Triple, reach: Triple): Uint8Array {
  const start = perAxis((a) => 0 - reach[a]), size = perAxis((a) => sizeVox[a] + 2 * reach[a]);
  const wide = spread(cutWindow(mask, sizeVox, { start, size }), { sizeVox: size, reach, value: 0 });
  return cutWindow(wide, size, { start: reach, size: sizeVox });
}

/** Four voxels of a row in a word. */
const LANES = 4;
const ONES = 0x01010101;

/** Every voxel within `reach` of one that equals `value` takes that value. Rows are padded to whole words. */
function spread(
  mask: Uint8Array,
  { sizeVox: [nx, ny, nz], reach, value }: { sizeVox: Triple; reach: Triple; value: 0 | 1 },
): Uint8Array {
  const words = Math.ceil(nz / LANES), bytes = new Uint8Array(nx * ny * words * LANES);
  const rowOf = (row: number) => bytes.subarray(row * words * LANES, row * words * LANES + nz);
  if (value === 0) bytes.fill(1);
  for (let row = 0; row < nx * ny; row++) rowOf(row).set(mask.subarray(row * nz, (row + 1) * nz));
  const all = new Uint32Array(bytes.buffer);
  if (value === 0) inverted(all);
  alongRows(all, words, Math.min(reach[2], nz - 1));
  acrossRows(all, { count: ny, stride: words, reach: reach[1] });
  acrossRows(all, { count: nx, stride: ny * words, reach: reach[0] });
  if (value === 0) inverted(all);
  const out = new Uint8Array(nx * ny * nz);
  for (let row = 0; row < nx * ny; row++) out.set(rowOf(row), row * nz);
  return out;
}

function inverted(all: Uint32Array): void {
  for (let i = 0; i < all.length; i++) all[i] ^= ONES;
}

/** Spreads ones along rows of so many words, one voxel at a time. The first voxel of a word is its lowest byte. */
function alongRows(all: Uint32Array, words: number, reach: number): void {
  for (let step = 0; step < reach; step++) {
    for (let start = 0; start < all.length; start += words) {
      for (let i = start, end = start + words, before = 0; i < end; i++) {
        const own = all[i], next = i + 1 < end ? all[i + 1] : 0;
        all[i] = own | (own << 8) | (before >>> 24) | (own >>> 8) | (next << 24);
        before = own;
      }
    }
  }
}

/** Spreads ones along an axis of `count` places that lie `stride` words apart. */
function acrossRows(
  all: Uint32Array,
  { count, stride, reach }: { count: number; stride: number; reach: number },
): void {
  if (reach === 0) return;
  const from = all.slice();
  for (let block = 0; block < all.length; block += count * stride) {
    for (let step = stride; step <= Math.min(reach, count - 1) * stride; step += stride) {
      for (let i = block, end = block + count * stride - step; i < end; i++) {
        all[i] |= from[i + step];
        all[i + step] |= from[i];
      }
    }
  }
}

/** A reach of as many voxels along the finest axis, and as far along the others, whole voxels. */
export function reachOf(spacing: Triple, voxels: number): Triple {
  const finest = Math.min(...spacing);
  return perAxis((a) => Math.round(voxels * finest / spacing[a]));
}
