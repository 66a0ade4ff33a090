/**
 * Compares the inputs of networks that `prepare()` makes of real patients with those of MONAI's transforms and of nnU-Net's
 * preprocessor, and the way back of the first channel to the file's voxels with theirs. Not part of CI. Run the Python half first:
 *
 *     python scripts/checks/foreign_inputs.py ../shared/data OUT
 *     deno run -A scripts/checks/foreign_inputs.ts ../shared/data OUT
 */
import { type Modality, prepare, type Prepared, type Preprocessing } from "../../src/inference/mod.ts";
import { restoreAll } from "../../src/volume/mod.ts";

const NONZERO = [{ kind: "z-score", over: "nonzero" }] as const;
const NNUNET = {
  orientation: "file",
  axes: "ZYX",
  normalisation: [{ kind: "z-score", over: "mask" }],
  order: ["crop", "normalise", "resample"],
  foreground: "nonzero",
  foregroundMargin: 0,
  interpolation: "cubic",
  alignment: "extent",
  separateAxis: { above: 3, interpolation: "nearest" },
} as const;

/** How each pipeline of the Python half is stated. */
const WAYS: Record<string, Preprocessing> = {
  "monai: RAS, 1 mm, crop, z-score of nonzero": {
    spacingMm: [1, 1, 1],
    alignment: "origin",
    order: ["resample", "crop", "normalise"],
    normalisation: NONZERO,
    foreground: "positive",
    foregroundMargin: 0,
  },
  "monai: z-score of nonzero, LPS, 1.5 x 1.5 x 2 mm": {
    spacingMm: [1.5, 1.5, 2],
    orientation: "LPS",
    alignment: "origin",
    normalisation: NONZERO,
    foreground: "whole",
    foregroundMargin: null,
  },
  "monai: the file's grid, percentiles 1 and 99 to [0, 1], clipped": {
    spacingMm: null,
    orientation: "file",
    normalisation: [{ kind: "percentiles", over: "volume", lower: 1, upper: 99, clip: true }],
    foreground: "whole",
    foregroundMargin: null,
  },
  "nnunet: 1 mm": { ...NNUNET, spacingMm: [1, 1, 1] },
  "nnunet: 3 x 0.9 x 0.9 mm": { ...NNUNET, spacingMm: [3, 0.9, 0.9] },
};

/** Largest difference by the largest value that is still taken for rounding of float32. */
const MOST = 1e-5;
/**
 * Share of the voxels that may differ by more: where interpolation meets 0, rounding decides whether a voxel is 0, and a
 * z-score of what is not 0 leaves one of the two alone.
 */
const MOST_ODD = 5e-5;

interface Row {
  readonly patient: string;
  readonly modalities: readonly Modality[];
  readonly pipeline: string;
  readonly size: readonly number[];
  readonly file: string;
  readonly seconds: number;
}

/** Compares the first channel on the file's voxels with theirs, where both have one. */
async function comparedBack({ channels, grid, inside, slices, reference }: Prepared, file: string, largest: number) {
  const expected = new Float32Array((await Deno.readFile(`${out}/back-${file}`)).buffer);
  let worst = 0, odd = 0, visited = 0;
  restoreAll(channels[0], { channels: 1, grid, inside, slices, target: reference.grid }, (voxel, [value]) => {
    visited++;
    const miss = Math.abs(value - expected[voxel]);
    if (!(miss <= MOST * largest)) odd++;
    else worst = Math.max(worst, miss);
  });
  return { worst, odd, visited, has: expected.reduce((n, v) => n + Number(!Number.isNaN(v)), 0) };
}

const [data, out] = Deno.args;
const rows: Row[] = JSON.parse(await Deno.readTextFile(`${out}/expected.json`));
let failed = 0;
console.log(
  "patient | pipeline | size | largest value | largest difference | voxels that differ by more | back: the same, visited, theirs | s (theirs)",
);
for (const { patient, modalities, pipeline, size, file, seconds } of rows) {
  const images = Object.fromEntries(modalities.map((m) => [m, `${data}/${patient}/${m}.nii.gz`]));
  const start = performance.now();
  const prepared = await prepare({ spec: { modalities, preprocessing: WAYS[pipeline] }, images });
  const { channels, grid } = prepared;
  const own = (performance.now() - start) / 1000;
  const isSame = [channels.length, ...grid.sizeVox].join() === size.join();
  const expected = new Float32Array((await Deno.readFile(`${out}/${file}`)).buffer);
  let largest = 0, worst = 0, odd = 0;
  if (isSame) {
    for (const value of expected) largest = Math.max(largest, Math.abs(value));
    for (const [c, channel] of channels.entries()) {
      for (let v = 0; v < channel.length; v++) {
        const miss = Math.abs(expected[c * channel.length + v] - channel[v]);
        if (miss > MOST * largest) odd++;
        else worst = Math.max(worst, miss);
      }
    }
  }
  const back = await comparedBack(prepared, file, largest);
  const isGood = isSame && odd <= MOST_ODD * expected.length;
  if (!isGood) failed++;
  const found = isSame
    ? `${largest.toPrecision(4)} | ${worst.toExponential(1)} | ${odd} of ${expected.length}`
    : `got ${grid.sizeVox.join("×")} | |`;
  console.log(
    `${patient} | ${pipeline} | ${size.join("×")} | ${found} | ${back.worst.toExponential(1)}, ${back.odd} of ` +
      `${back.visited} of ${back.has} | ${own.toFixed(1)} (${seconds.toFixed(1)})${isGood ? "" : " FAILED"}`,
  );
}
if (failed > 0) Deno.exit(1);
