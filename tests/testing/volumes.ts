/** Small NIfTI files and folders for tests: any orientation, spacing and content. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyAffine, type Grid, spacingAffine, type Triple, writeVolume as write } from "../../src/volume/mod.ts";

/** World axis and sign of each letter of an orientation such as "LAS". */
const DIRECTIONS: Readonly<Record<string, readonly [number, number]>> = {
  R: [0, 1],
  L: [0, -1],
  A: [1, 1],
  P: [1, -1],
  S: [2, 1],
  I: [2, -1],
};

/** A grid whose voxel axes run towards the letters of `code`, its first voxel's centre at `originMm`. */
export function orientedGrid(
  sizeVox: Triple,
  { code = "RAS", spacingMm = [1, 1, 1], originMm = [0, 0, 0] }: {
    code?: string;
    spacingMm?: Triple;
    originMm?: Triple;
  } = {},
): Grid {
  const affineRas = spacingAffine([0, 0, 0], originMm);
  [...code].forEach((letter, axis) => {
    const [world, sign] = DIRECTIONS[letter];
    affineRas[4 * world + axis] = sign * spacingMm[axis];
  });
  return { sizeVox, affineRas };
}

/** A value for every voxel, computed from its centre in millimetres. */
export function sampled({ sizeVox, affineRas }: Grid, valueAt: (mm: Triple) => number): Float32Array {
  const [nx, ny, nz] = sizeVox;
  const data = new Float32Array(nx * ny * nz);
  for (let x = 0, i = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, i++) data[i] = valueAt(applyAffine(affineRas, [x, y, z]));
    }
  }
  return data;
}

/** Writes a volume on a grid; returns the path. */
export async function writeVolume(
  path: string,
  grid: Grid,
  data: Uint8Array | Float32Array,
): Promise<string> {
  await write(path, { data, grid });
  return path;
}

/** Runs `work` in an empty folder and removes it afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "sulcus-test-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
