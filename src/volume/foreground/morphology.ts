/** Dilation and closing of masks by boxes, axis by axis. */
import { cutWindow } from "../sampling/crop.ts";
import { perAxis, stridesOf, type Triple, voxelsOf } from "../grid/grid.ts";

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

/** Every voxel within `reach` of one that equals `value` takes that value. */
function spread(
  mask: Uint8Array,
  { sizeVox, reach, value }: { sizeVox: Triple; reach: Triple; value: 0 | 1 },
): Uint8Array {
  const strides = stridesOf(sizeVox), voxels = voxelsOf(sizeVox);
  let from = mask;
  for (const axis of [0, 1, 2]) {
    const r = reach[axis], n = sizeVox[axis], stride = strides[axis];
    if (r === 0) continue;
    const into = from.slice();
    for (let block = 0; block < voxels; block += n * stride) {
      for (let step = stride; step <= Math.min(r, n - 1) * stride; step += stride) {
        for (let v = block, end = block + n * stride - step; v < end; v++) {
          if (from[v + step] === value) into[v] = value;
          if (from[v] === value) into[v + step] = value;
        }
      }
    }
    from = into;
  }
  return from === mask ? mask.slice() : from;
}

/** A reach of as many voxels along the finest axis, and as far along the others, whole voxels. */
export function reachOf(spacing: Triple, voxels: number): Triple {
  const finest = Math.min(...spacing);
  return perAxis((a) => Math.round(voxels * finest / spacing[a]));
}
