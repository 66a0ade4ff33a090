/** The tissue of a volume where only its extent matters: for data sets, whose files are many. */
import { findForeground, type GridImage, perAxis, voxelsOf } from "../../volume/mod.ts";
import type { Tissue } from "./facts.ts";

/** Axes from this length on are seen at every second voxel, an eighth of the work. */
const LONG = 96;

/** The tissue by every second voxel of long axes; its box is right to a voxel or two. */
export function quickTissue({ data, sizeVox, affineRas }: GridImage): Tissue {
  const step = perAxis((a) => sizeVox[a] >= LONG ? 2 : 1);
  const size = perAxis((a) => Math.ceil(sizeVox[a] / step[a]));
  const [, ny, nz] = sizeVox;
  const seen = new Float32Array(voxelsOf(size));
  let to = 0;
  for (let x = 0; x < sizeVox[0]; x += step[0]) {
    for (let y = 0; y < ny; y += step[1]) {
      const row = (x * ny + y) * nz;
      for (let z = 0; z < nz; z += step[2]) seen[to++] = data[row + z];
    }
  }
  const spaced = affineRas.map((v, i) => i % 4 < 3 && i < 12 ? v * step[i % 4] : v);
  const { kind, voxels, box } = findForeground({ data: seen, sizeVox: size, affineRas: spaced });
  return {
    kind,
    voxels: kind === "whole" ? voxelsOf(sizeVox) : voxels * voxelsOf(step),
    box: box && {
      start: perAxis((a) => box.start[a] * step[a]),
      end: perAxis((a) => Math.min(box.end[a] * step[a], sizeVox[a])),
    },
  };
}
