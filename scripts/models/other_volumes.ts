/**
 * Volumes that are none of the eight modalities, as hospitals have them beside those: a map of labels, a brain mask, CT,
 * and what software makes of a scan: its negative, its edges, a phase, noise alone.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { OTHER } from "../../src/inference/mod.ts";
import type { TrainingCase } from "../../src/train/mod.ts";
import { Random } from "../../src/tensor/mod.ts";
import { stridesOf } from "../../src/volume/grid/grid.ts";
import { type GridImage, readVolume, writeVolume } from "../../src/volume/mod.ts";
import { CLASSES, classOf } from "../simulator/anatomy/classes.ts";
import { type Anatomy, readAnatomy } from "../simulator/mod.ts";

/** Hounsfield units of what CT shows apart; all other tissue is near water. */
const HOUNSFIELD = { air: -1000, fat: -90, fluid: 5, white: 27, grey: 37, bone: 900, marrow: 300 } as const;
const SOFT = 45;
const CT_NOISE = 8;

type Volume = Pick<GridImage, "data" | "sizeVox" | "affineRas">;

/** Made from an anatomy. */
const OF_ANATOMIES: Readonly<Record<string, (anatomy: Anatomy, random: Random) => Volume>> = {
  labels: (anatomy) => ({ ...anatomy, data: Float32Array.from(anatomy.classes) }),
  mask: (anatomy) => ({ ...anatomy, data: Float32Array.from(anatomy.brainDistance, (mm) => Number(mm <= 0)) }),
  ct: (anatomy, random) => {
    const units = CLASSES.map(({ name, kind }) =>
      name === "bone" || name === "marrow" || name === "fat"
        ? HOUNSFIELD[name]
        : kind === "air" || kind === "fluid" || kind === "white" || kind === "grey"
        ? HOUNSFIELD[kind]
        : SOFT
    );
    const data = Float32Array.from(anatomy.classes, (c) => units[c] + CT_NOISE * random.normal());
    const air = classOf("air");
    // reconstructions end at −1024
    return { ...anatomy, data: data.map((v, i) => anatomy.classes[i] === air ? Math.max(-1024, v) : v) };
  },
};

/** Made from a scan. */
const OF_SCANS: Readonly<Record<string, (scan: Volume, random: Random) => Volume>> = {
  negative: (scan) => {
    const top = scan.data.reduce((a, b) => Math.max(a, b), -Infinity);
    return { ...scan, data: scan.data.map((v) => v === 0 ? 0 : top - v) };
  },
  edges: (scan) => {
    const strides = stridesOf(scan.sizeVox), { data } = scan;
    const slope = (i: number, stride: number) => (data[i + stride] ?? 0) - (data[i - stride] ?? 0);
    return { ...scan, data: data.map((_, i) => Math.hypot(...strides.map((s) => slope(i, s)))) };
  },
  phase: (scan, random) => {
    const [ny, nz] = scan.sizeVox.slice(1), slopes = [1, 1, 1].map(() => 0.05 * (1 + random.uniform()));
    const phases = scan.data.map((v, i) => {
      const [x, y, z] = [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz];
      const slow = slopes[0] * x + slopes[1] * y + slopes[2] * z + 0.1 * random.normal();
      return (v === 0 ? 2 * Math.PI * random.uniform() : slow % (2 * Math.PI)) - Math.PI;
    });
    return { ...scan, data: phases };
  },
  noise: (scan, random) => ({ ...scan, data: scan.data.map(() => Math.hypot(random.normal(), random.normal())) }),
};

/** One of each kind from each anatomy and each scan, written to `folder` where they are not there yet. */
export async function otherVolumes(
  folder: string,
  { anatomies, scans }: { anatomies: readonly string[]; scans: readonly string[] },
): Promise<TrainingCase[]> {
  await mkdir(folder, { recursive: true });
  const cases: TrainingCase[] = [];
  const add = async (patient: string, kind: string, make: (random: Random) => Promise<Volume>) => {
    const id = `${patient}-${kind}`, path = join(folder, `${id}.nii.gz`);
    const isThere = await stat(path).then(() => true, () => false);
    if (!isThere) {
      const { data, sizeVox, affineRas } = await make(new Random(id));
      await writeVolume(path, { data: Float32Array.from(data), grid: { sizeVox, affineRas } });
    }
    cases.push({ id, patient, images: { any: path }, className: OTHER });
  };
  for (const [i, path] of anatomies.entries()) {
    let anatomy: Promise<Anatomy> | undefined;
    for (const [kind, make] of Object.entries(OF_ANATOMIES)) {
      await add(`other-head${i + 1}`, kind, async (random) => make(await (anatomy ??= readAnatomy(path)), random));
    }
  }
  for (const [i, path] of scans.entries()) {
    for (const [kind, make] of Object.entries(OF_SCANS)) {
      await add(`other-scan${i + 1}`, kind, async (random) => make(await readVolume(path), random));
    }
  }
  return cases;
}
