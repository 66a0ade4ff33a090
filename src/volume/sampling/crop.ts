/** Parts of volumes: crop and pad. One kernel copies a window and fills with 0 outside the volume. */
import { type Box, boxSize } from "../grid/boxes.ts";
import { applyAffine, type GridImage, perAxis, type Triple, voxelsOf } from "../grid/grid.ts";
import { checkLength, likeArray, type Voxels } from "./_sample.ts";

/** The window of `size` that begins at `start`; 0 outside the volume, before it where `start` is negative. */
export function cutWindow<T extends Voxels>(
  data: T,
  sizeVox: Triple,
  { start, size }: { start: Triple; size: Triple },
): T {
  checkLength("cut a window", data, sizeVox);
  const out = likeArray(data, voxelsOf(size));
  const first = perAxis((a) => Math.max(start[a], 0));
  const last = perAxis((a) => Math.min(start[a] + size[a], sizeVox[a]));
  if (last[2] <= first[2]) return out;
  for (let x = first[0]; x < last[0]; x++) {
    for (let y = first[1]; y < last[1]; y++) {
      const from = (x * sizeVox[1] + y) * sizeVox[2];
      const to = ((x - start[0]) * size[1] + y - start[1]) * size[2] - start[2];
      out.set(data.subarray(from + first[2], from + last[2]), to + first[2]);
    }
  }
  return out;
}

/** The part of a volume inside a box; a box that sticks out is padded with 0. */
export function crop(image: GridImage, box: Box): GridImage {
  const size = boxSize(box);
  if (!size.every((n) => n > 0)) {
    throw new RangeError(`Cannot crop a volume: expected a box with voxels, got ${size.join("×")}`);
  }
  const affineRas = [...image.affineRas];
  const origin = applyAffine(image.affineRas, box.start);
  for (const a of [0, 1, 2]) affineRas[4 * a + 3] = origin[a];
  return {
    data: cutWindow(image.data, image.sizeVox, { start: box.start, size }),
    sizeVox: size,
    affineRas,
  };
}

/** The centred window of a template for an image of `size`: start `⌊(n − size)/2⌋`, padded where it is larger (B.5). */
export function centredWindow(image: GridImage, size: Triple): GridImage {
  const start = perAxis((a) => Math.floor((image.sizeVox[a] - size[a]) / 2));
  return crop(image, { start, end: perAxis((a) => start[a] + size[a]) });
}
