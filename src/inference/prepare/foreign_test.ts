/** Inputs that MONAI's transforms and nnU-Net's preprocessor make, compared with those of `prepare()` voxel by voxel. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { inFolder, orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import { type Grid, restoreAll, type Triple } from "../../volume/mod.ts";
import type { Preprocessing } from "../preprocessing.ts";
import { resizedChannels } from "./classifier_input.ts";
import { prepare } from "./preprocess.ts";

/** Made by scripts/fixtures/preprocessing.py with MONAI 1.6 and nnU-Net 2. */
const EXPECTED: Record<string, Packed & { affine: string; size: readonly [number, ...Triple]; back?: Packed }> = JSON
  .parse(
    await Deno.readTextFile(new URL("../testing/foreign_inputs.json", import.meta.url)),
  );

interface Packed {
  readonly data: string;
}

function unpacked({ data }: Packed): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(data, "base64")).buffer);
}

const SIZE: Triple = [13, 15, 11];

/** A head of noise before 0, with holes: the script's formula. */
function headOf(channel: number): Float32Array {
  const data = new Float32Array(SIZE[0] * SIZE[1] * SIZE[2]);
  for (let x = 0, v = 0; x < SIZE[0]; x++) {
    for (let y = 0; y < SIZE[1]; y++) {
      for (let z = 0; z < SIZE[2]; z++, v++) {
        const noise = 1 + (x * 7919 + y * 104729 + z * 1299709 + channel * 577) % 1009;
        const distance = ((x - 6) / 5) ** 2 + ((y - 8) / 6) ** 2 + ((z - 5 + channel) / 4.5) ** 2;
        data[v] = distance < 1 && noise > 40 ? noise : 0;
      }
    }
  }
  return data;
}

const at = { originMm: [10, 20, -30] } as const;

function obliqueGrid([x, y, z]: Triple): Grid {
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)], [d, t] = [Math.cos(-0.2), Math.sin(-0.2)];
  const rows = [[-x * c, -y * s * d, z * s * t, 5], [-x * s, y * c * d, -z * c * t, -7], [0, y * t, z * d, 3]];
  return { sizeVox: SIZE, affineRas: [...rows.flat(), 0, 0, 0, 1] };
}

const GRIDS: Record<string, Grid> = {
  LPS: orientedGrid(SIZE, { code: "LPS", spacingMm: [1, 1.2, 1.5], ...at }),
  PSR: orientedGrid(SIZE, { code: "PSR", spacingMm: [1, 1.2, 1.5], ...at }),
  thick: orientedGrid(SIZE, { code: "LAS", spacingMm: [0.9, 0.9, 4.5], ...at }),
  oblique: obliqueGrid([1.1, 0.9, 1.4]),
};

type Way = Partial<Preprocessing> & Pick<Preprocessing, "spacingMm" | "normalisation">;

const FILE = { spacingMm: null, orientation: "file", foregroundMargin: null, foreground: "whole" } as const;
const NNUNET = {
  orientation: "file",
  axes: "ZYX",
  order: ["crop", "normalise", "resample"],
  foreground: "nonzero",
  foregroundMargin: 0,
  interpolation: "cubic",
  alignment: "extent",
  separateAxis: { above: 3, interpolation: "nearest" },
} as const;
const CT = { kind: "fixed", mean: 400, deviation: 210, clip: [30, 900] } as const;
const Z_SCORE = { kind: "z-score", over: "volume" } as const, MASKED = { kind: "z-score", over: "mask" } as const;

/** How each of them is stated. */
const WAYS: Record<string, Way> = {
  monaiNonzero: { ...FILE, normalisation: [{ kind: "z-score", over: "nonzero" }] },
  monaiRangeCrop: {
    spacingMm: [1.5, 1.5, 2],
    alignment: "origin",
    order: ["resample", "normalise", "crop"],
    normalisation: [{ kind: "range", from: [100, 800], to: [0, 1], clip: true }],
    foreground: "positive",
    foregroundMargin: 0,
  },
  monaiJointAfterCrop: {
    orientation: "LPS",
    spacingMm: [1.3, 0.8, 1.1],
    alignment: "origin",
    order: ["resample", "crop", "normalise"],
    normalisation: [{ kind: "z-score", over: "volume", joint: true }],
    foreground: "positive",
    foregroundMargin: 2,
  },
  monaiPercentiles: {
    ...FILE,
    normalisation: [{ kind: "percentiles", over: "volume", lower: 1, upper: 97, to: [-1, 2], clip: true }],
  },
  monaiMinMax: { ...FILE, orientation: "PIL", normalisation: [{ kind: "min-max", over: "volume", to: [-1, 1] }] },
  monaiOblique: {
    spacingMm: [1, 1, 2],
    alignment: "origin",
    order: ["resample", "normalise", "crop"],
    normalisation: [Z_SCORE],
    foreground: "whole",
  },
  monaiCubic: {
    orientation: "ASL",
    spacingMm: [0.8, 1, 2],
    alignment: "origin",
    interpolation: "cubic",
    normalisation: [{ kind: "none" }],
    foreground: "whole",
  },
  monaiMiddle: {
    orientation: "LPI",
    spacingMm: [0.7, 1.3, 1],
    alignment: "origin",
    normalisation: [{ kind: "none" }],
    foreground: "whole",
  },
  monaiAspect: { ...FILE, normalisation: [{ kind: "none" }], resize: [10, 10, 10], keepAspect: true },
  nnunetMasked: { ...NNUNET, spacingMm: [1, 1, 1], normalisation: [MASKED] },
  nnunetWhole: { ...NNUNET, spacingMm: [2, 1.7, 0.8], normalisation: [Z_SCORE, CT] },
  nnunetThick: { ...NNUNET, spacingMm: [3, 1.1, 1.1], normalisation: [CT, MASKED] },
  nnunetTransposed: { ...NNUNET, axes: "YZX", spacingMm: [1.5, 1, 0.9], normalisation: [MASKED, Z_SCORE] },
};

for (const [name, way] of Object.entries(WAYS)) {
  Deno.test(`prepare() makes the input of ${name} voxel by voxel, and brings it back`, () =>
    inFolder(async (folder) => {
      const { affine, size, back } = EXPECTED[name], grid = GRIDS[affine];
      const images = {
        t1: await writeVolume(join(folder, "a.nii.gz"), grid, headOf(0)),
        t2: await writeVolume(join(folder, "b.nii.gz"), grid, headOf(1)),
      };
      const preprocessing: Preprocessing = { foregroundMargin: null, ...way };
      const prepared = await prepare({ spec: { modalities: ["t1", "t2"], preprocessing }, images });
      const channels = preprocessing.resize === undefined
        ? prepared.channels
        : resizedChannels(prepared, { preprocessing, size: preprocessing.resize });
      if (preprocessing.resize === undefined) assert.deepEqual([2, ...prepared.grid.sizeVox], size);
      const expected = unpacked(EXPECTED[name]);
      assertClose(channels.flatMap((channel) => [...channel]), expected);
      if (back === undefined) return;
      // what a network says about the first channel, if it repeats it
      const restored = new Float32Array(SIZE[0] * SIZE[1] * SIZE[2]).fill(NaN);
      const { inside, slices } = prepared, target = prepared.reference.grid;
      const options = { channels: 1, grid: prepared.grid, inside, slices, target };
      restoreAll(prepared.channels[0], options, (voxel, [value]) => restored[voxel] = value);
      assertClose([...restored], unpacked(back));
    }));
}

/** Asserts equality within 2e-6 of the largest value; NaN stands where nothing is said. */
function assertClose(actual: readonly number[], expected: Float32Array): void {
  assert.equal(actual.length, expected.length);
  const scale = expected.reduce((most, v) => Number.isNaN(v) ? most : Math.max(most, Math.abs(v)), 0);
  const missOf = (v: number) => {
    if (Number.isNaN(expected[v]) || Number.isNaN(actual[v])) return Object.is(expected[v], actual[v]) ? 0 : Infinity;
    return Math.abs(expected[v] - actual[v]) / scale;
  };
  const worst = expected.reduce((w, _, v) => missOf(v) > missOf(w) ? v : w, 0);
  assert.ok(missOf(worst) <= 2e-6, `voxel ${worst}: ${actual[worst]}, expected ${expected[worst]} of up to ${scale}`);
}

Deno.test("assertClose() fails where a value is off, or missing", () => {
  assert.throws(() => assertClose([1, 2], Float32Array.of(1, 2.1)), /voxel 1: 2, expected 2\.0999/);
  assert.throws(() => assertClose([1, NaN], Float32Array.of(1, 2)), /voxel 1: NaN, expected 2/);
});
