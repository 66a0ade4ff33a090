/** Coarse copies of volumes: means of blocks, so that what a coarse grid cannot show does not alias. */
import { applyAffine, type GridImage, perAxis, spacingOf, type Triple, voxelsOf } from "../grid/grid.ts";

/** The means of whole blocks of voxels, about `spacingMm` wide; the last block of an axis may hold fewer. */
export function shrunk(image: GridImage, spacingMm: number): GridImage {
  const { data, sizeVox, affineRas } = image, own = spacingOf(affineRas);
  const factor = perAxis((a) => Math.min(Math.max(Math.round(spacingMm / own[a]), 1), sizeVox[a]));
  if (factor.every((f) => f === 1)) return image;
  const size = perAxis((a) => Math.ceil(sizeVox[a] / factor[a])), sums = new Float64Array(voxelsOf(size));
  for (let x = 0, v = 0; x < sizeVox[0]; x++) {
    for (let y = 0; y < sizeVox[1]; y++) {
      const row = (Math.floor(x / factor[0]) * size[1] + Math.floor(y / factor[1])) * size[2];
      for (let z = 0; z < sizeVox[2]; z++, v++) sums[row + Math.floor(z / factor[2])] += data[v];
    }
  }
  const counts = perAxisCounts(sizeVox, size, factor), out = new Float32Array(sums.length);
  for (let x = 0, v = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      for (let z = 0; z < size[2]; z++, v++) out[v] = sums[v] / (counts[0][x] * counts[1][y] * counts[2][z]);
    }
  }
  const origin = applyAffine(affineRas, perAxis((a) => (factor[a] - 1) / 2));
  const coarse = affineRas.map((v, i) => i >= 12 ? v : i % 4 === 3 ? origin[Math.floor(i / 4)] : v * factor[i % 4]);
  return { data: out, sizeVox: size, affineRas: coarse };
}

/** Voxels that each block of an axis holds. */
function perAxisCounts(sizeVox: Triple, size: Triple, factor: Triple): readonly number[][] {
  return [0, 1, 2].map((a) =>
    Array.from({ length: size[a] }, (_, i) => Math.min((i + 1) * factor[a], sizeVox[a]) - i * factor[a])
  );
}
