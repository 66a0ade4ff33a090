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
  const components = new Int32Array(mask.length);
  const sizes: number[] = [];
  const queue = new Int32Array(mask.reduce((n, v) => v !== 0 ? n + 1 : n, 0));
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0 || components[seed] !== 0) continue;
    const number = sizes.length + 1;
    let end = 0;
    queue[end++] = seed;
    components[seed] = number;
    for (let head = 0; head < end; head++) {
      const i = queue[head];
      const z = i % nz;
      const y = Math.floor(i / nz) % ny;
      const x = Math.floor(i / (nz * ny));
      for (const [dx, dy, dz] of steps) {
        const [u, v, w] = [x + dx, y + dy, z + dz];
        if (u < 0 || v < 0 || w < 0 || u >= nx || v >= ny || w >= nz) continue;
        const j = (u * ny + v) * nz + w;
        if (mask[j] === 0 || components[j] !== 0) continue;
        components[j] = number;
        queue[end++] = j;
      }
    }
    sizes.push(end);
  }
  return { components, sizes };
}
