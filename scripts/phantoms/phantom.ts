/**
 * Phantoms: seeded, skull-stripped, multi-modal heads with lesions, for tests, the demo and benchmarks where no patient
 * data may be. Not a simulator of MR physics. `makePhantom` is pure; the command line writes a data set in Sulcus layout:
 *
 *   deno run -A scripts/phantoms/phantom.ts --out DIR [--count 1] [--seed 1] [--size 96] [--spacing MM] [--lesions 8]
 *                                           [--task classification] [--png]
 *
 * Without `--spacing` the head has its natural size.
 */
import { type Anatomy, makeAnatomy, TISSUE } from "./anatomy.ts";
import { normal, randomSource, waveField } from "./noise.ts";
import { flagsOf, numberOf } from "../flags.ts";

export interface PhantomOptions {
  readonly seed: number;
  /** Grid size; the head fills it whatever its extent in millimetres. */
  readonly sizeVox: readonly [number, number, number];
  readonly spacingMm: readonly [number, number, number];
  /** Number of lesions; they may touch. */
  readonly lesions: number;
  /** Noise over the signal of white matter; default 0.03. */
  readonly noise?: number;
}

/** Volumes in C order (x, y, z; z fastest), axes RAS; intensities ≥ 0 and exactly 0 outside the brain. */
export interface Phantom {
  readonly images: Readonly<Record<PhantomModality, Float32Array>>;
  /** 1 in lesions. */
  readonly label: Uint8Array;
  /** 0 background, 1 CSF, 2 grey, 3 white, 4 ventricle; under lesions the tissue without them. */
  readonly tissue: Uint8Array;
  /** Voxel index → RAS millimetres, 4×4, row by row; the origin is the middle of the grid. */
  readonly affine: readonly number[];
}

export const PHANTOM_MODALITIES = ["t1", "t1c", "t2", "flair"] as const;
export type PhantomModality = typeof PHANTOM_MODALITIES[number];

/** Mean signal by modality: background, CSF, grey, white, ventricle, lesion, enhancing lesion. */
const SIGNAL: Readonly<Record<PhantomModality, readonly number[]>> = {
  t1: [0, 45, 150, 225, 40, 150, 150],
  t1c: [0, 60, 170, 240, 45, 165, 360],
  t2: [0, 520, 225, 155, 560, 380, 380],
  flair: [0, 18, 72, 60, 14, 110, 118],
};
const LESION = 5;
const ENHANCING = 6;

/**
 * A head with its lesions; the same options give the same voxels.
 * @throws {RangeError} a size below 12, a spacing that is not positive, a negative number of lesions or negative noise
 */
export function makePhantom(options: PhantomOptions): Phantom {
  const { seed, sizeVox, spacingMm, lesions, noise = 0.03 } = options;
  const isPositive = spacingMm.every((s) => s > 0) && lesions >= 0 && noise >= 0;
  if (sizeVox.some((n) => !Number.isInteger(n) || n < 12) || !isPositive) {
    throw new RangeError(
      `Cannot make a phantom: expected sizes ≥ 12, spacings > 0, lesions and noise ≥ 0, got ` +
        `[${sizeVox}], [${spacingMm}], ${lesions}, ${noise}`,
    );
  }
  const random = randomSource(seed);
  const grid = headGrid(sizeVox, spacingMm);
  const anatomy = makeAnatomy(random, Math.min(6, Math.max(...grid.stepMm)));
  const tissue = new Uint8Array(grid.length);
  grid.forEach((i, x, y, z) => tissue[i] = anatomy.tissueAt(x, y, z));
  const classes = tissue.slice();
  for (let n = 0; n < lesions; n++) placeLesion(classes, { tissue, grid, random, anatomy });
  return {
    images: {
      t1: acquire("t1", { classes, grid, random, noise }),
      t1c: acquire("t1c", { classes, grid, random, noise }),
      t2: acquire("t2", { classes, grid, random, noise }),
      flair: acquire("flair", { classes, grid, random, noise }),
    },
    label: classes.map((c) => c >= LESION ? 1 : 0),
    tissue,
    affine: [0, 1, 2].flatMap((row) => [
      ...[0, 1, 2].map((column) => row === column ? spacingMm[row] : 0),
      -spacingMm[row] * (sizeVox[row] - 1) / 2,
    ]).concat([0, 0, 0, 1]),
  };
}

/** The voxels in the head's own millimetres: the head keeps its proportions and fills the grid, whatever its extent. */
interface HeadGrid {
  readonly sizeVox: readonly [number, number, number];
  readonly stepMm: readonly number[];
  readonly length: number;
  at(index: number): [number, number, number];
  forEach(visit: (index: number, x: number, y: number, z: number) => void): void;
}

function headGrid(sizeVox: readonly [number, number, number], spacingMm: readonly number[]): HeadGrid {
  const scale = Math.max(...HEAD_MM.map((extent, axis) => extent / (sizeVox[axis] * spacingMm[axis])));
  const stepMm = spacingMm.map((spacing) => scale * spacing);
  const [nx, ny, nz] = sizeVox;
  const at = (index: number): [number, number, number] => [
    stepMm[0] * (Math.floor(index / (ny * nz)) - (nx - 1) / 2),
    stepMm[1] * (Math.floor(index / nz) % ny - (ny - 1) / 2),
    stepMm[2] * (index % nz - (nz - 1) / 2),
  ];
  const length = nx * ny * nz;
  return {
    sizeVox,
    stepMm,
    length,
    at,
    forEach(visit) {
      for (let i = 0; i < length; i++) visit(i, ...at(i));
    },
  };
}
const HEAD_MM = [150, 186, 152] as const;

/** Turns a blob of white matter in `classes` into a lesion, preferably near the ventricles. */
function placeLesion(
  classes: Uint8Array,
  { tissue, grid, random, anatomy }: { tissue: Uint8Array; grid: HeadGrid; random: () => number; anatomy: Anatomy },
): void {
  const seed = findSeed(classes, { grid, random, anatomy });
  const [cx, cy, cz] = grid.at(seed);
  const size = Math.max(2.8 + 5 * random() ** 2, 1.2 * Math.max(...grid.stepMm));
  const radii = [0, 1, 2].map(() => size * (0.75 + 0.5 * random()));
  const rough = waveField(random, { wavelengthMm: 9, waves: 6 });
  const kind = random() < 0.35 ? ENHANCING : LESION;
  grid.forEach((i, x, y, z) => {
    const [dx, dy, dz] = [(x - cx) / radii[0], (y - cy) / radii[1], (z - cz) / radii[2]];
    if (Math.abs(dx) > 2 || Math.abs(dy) > 2 || Math.abs(dz) > 2 || tissue[i] !== TISSUE.white) return;
    if (Math.hypot(dx, dy, dz) * (1 + 0.2 * rough(x, y, z)) < 1) classes[i] = kind;
  });
  classes[seed] = kind;
}

/** A random voxel of white matter without a lesion, by the affinity of lesions, or else anywhere. */
function findSeed(
  classes: Uint8Array,
  { grid, random, anatomy }: { grid: HeadGrid; random: () => number; anatomy: Anatomy },
): number {
  for (let tries = 0; tries < 20_000; tries++) {
    const i = Math.floor(random() * grid.length);
    if (classes[i] === TISSUE.white && random() < anatomy.lesionAffinityAt(...grid.at(i))) return i;
  }
  const anywhere = classes.indexOf(TISSUE.white);
  if (anywhere < 0) throw new RangeError("Cannot place a lesion: expected white matter at this size, got none");
  return anywhere;
}

/** One modality: signal by class, texture, partial volume, bias field, gain, Rician noise. */
function acquire(
  modality: PhantomModality,
  { classes, grid, random, noise }: { classes: Uint8Array; grid: HeadGrid; random: () => number; noise: number },
): Float32Array {
  const signal = SIGNAL[modality];
  const texture = waveField(random, { wavelengthMm: 12, waves: 12 });
  const bias = waveField(random, { wavelengthMm: 220, waves: 4 });
  const gain = 0.75 + 0.5 * random();
  const sigma = noise * signal[TISSUE.white];
  const image = Float32Array.from(classes, (c) => signal[c]);
  blur(image, grid.sizeVox);
  grid.forEach((i, x, y, z) => {
    if (classes[i] === TISSUE.background) return void (image[i] = 0);
    const clean = image[i] * (1 + 0.025 * texture(x, y, z)) * Math.exp(0.1 * bias(x, y, z));
    image[i] = gain * Math.hypot(clean + sigma * normal(random), sigma * normal(random));
  });
  return image;
}

/** Mixes each voxel with its neighbours along each axis, in place: the partial-volume effect. */
function blur(image: Float32Array, [nx, ny, nz]: readonly [number, number, number]): void {
  for (const [stride, size] of [[ny * nz, nx], [nz, ny], [1, nz]]) {
    const before = image.slice();
    for (let i = 0; i < image.length; i++) {
      const at = Math.floor(i / stride) % size;
      const left = before[at > 0 ? i - stride : i];
      image[i] = 0.7 * before[i] + 0.15 * (left + before[at < size - 1 ? i + stride : i]);
    }
  }
}

/** The command line. Loads the writer on demand, so that `makePhantom` needs nothing but arithmetic. */
async function main(): Promise<void> {
  const { writePhantomDataset } = await import("./files.ts");
  const { values } = flagsOf({
    options: {
      out: { type: "string" },
      count: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      size: { type: "string", default: "96" },
      spacing: { type: "string" },
      lesions: { type: "string", default: "8" },
      task: { type: "string", default: "segmentation" },
      png: { type: "boolean", default: false },
    },
  });
  const { out, task } = values;
  if (out === undefined || (task !== "segmentation" && task !== "classification")) {
    console.error("Cannot write phantoms: expected --out DIR and --task segmentation or classification");
    Deno.exit(2);
  }
  const size = numberOf("--size", values.size, { from: 16 });
  const spacing = numberOf("--spacing", values.spacing ?? String(192 / size), { above: 0, isWhole: false });
  const cases = await writePhantomDataset(out, {
    task,
    count: numberOf("--count", values.count, { from: 1 }),
    seed: numberOf("--seed", values.seed),
    sizeVox: [size, size, size],
    spacingMm: [spacing, spacing, spacing],
    lesions: numberOf("--lesions", values.lesions, { from: 0 }),
    png: values.png,
  });
  console.log(`${cases.length} cases of ${size}³ voxels of ${spacing} mm`);
}

// Not awaited: the writer imports this module, which would then wait for itself.
if (import.meta.main) main();
