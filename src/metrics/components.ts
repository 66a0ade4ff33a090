/** Connected components of a mask: single lesions. */
import { checkSize, type Mask, type Triple } from "./_mask.ts";

/**
 * Numbers the components of a mask 1, 2, … in the order of their first voxel.
 * @param options.neighbours 6 (faces), 18 (and edges) or 26 (and corners)
 * @returns the number of each voxel's component (0: none), and the components' sizes in voxels
 */
export function connectedComponents(
  mask: Mask,
  { sizeVox, neighbours = 26 }: { sizeVox: Triple; neighbours?: 6 | 18 | 26 },
): { components: Int32Array; sizes: number[] } {
  checkSize("connected components", mask, sizeVox);
  const [nx, ny, nz] = sizeVox;
  const reach = { 6: 1, 18: 2, 26: 3 }[neighbours];
  const span = [-1, 0, 1];
  const steps = span.flatMap((x) => span.flatMap((y) => span.map((z) => [x, y, z])))
    .filter((step) => step.some((d) => d !== 0) && step.filter((d) => d !== 0).length <= reach);
  const offsets = Int32Array.from(steps, ([x, y, z]) => (x * ny + y) * nz + z);
  const components = new Int32Array(mask.length);
  const sizes: number[] = [];
  let voxels = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) voxels++;
  const queue = new Int32Array(voxels);
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0 || components[seed] !== 0) continue;
    const number = sizes.length + 1;
    let end = 0;
    queue[end++] = seed;
    components[seed] = number;
    for (let head = 0; head < end; head++) {
      const i = queue[head];
      const z = i % nz, row = (i - z) / nz, y = row % ny, x = (row - y) / ny;
      const isInner = x > 0 && y > 0 && z > 0 && x < nx - 1 && y < ny - 1 && z < nz - 1;
      for (let s = 0; s < offsets.length; s++) {
        if (!isInner) {
          const step = steps[s], u = x + step[0], v = y + step[1], w = z + step[2];
          if (u < 0 || v < 0 || w < 0 || u >= nx || v >= ny || w >= nz) continue;
        }
        const j = i + offsets[s];
        if (mask[j] === 0 || components[j] !== 0) continue;
        components[j] = number;
        queue[end++] = j;
      }
    }
    sizes.push(end);
  }
  return { components, sizes };
}
