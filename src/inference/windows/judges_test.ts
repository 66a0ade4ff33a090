/** Blended windows against MONAI's and nnU-Net's own, on a convolution that sees the zeros around each window. */
import assert from "node:assert/strict";
import type { Blending, Triple } from "../../volume/mod.ts";
import type { RunWindow } from "./run_window.ts";
import { slidingLogits, type SlidingOptions } from "./sliding.ts";

const SIZE: Triple = [13, 11, 9], VOXELS = 13 * 11 * 9;
const wave = (i: number) => Math.sin(0.37 * i) + 0.25 * Math.cos(0.011 * i);
const INPUTS = [0, VOXELS].map((first) => Float32Array.from({ length: VOXELS }, (_, v) => wave(first + v)));
const TAPS = Float64Array.from({ length: 2 * 2 * 27 }, (_, i) => 0.3 * Math.sin(1.7 * i)), BIAS = [0.1, -0.2];

/** A convolution of 2 to 2 channels, kernel 3, zero-padded, in float64. */
const convolution: RunWindow = (input, [, , nx, ny, nz]) => {
  const at = (channel: number, x: number, y: number, z: number) =>
    x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? 0 : input[((channel * nx + x) * ny + y) * nz + z];
  const out = Float32Array.from(input, (_, o) => {
    const z = o % nz, y = Math.floor(o / nz) % ny, x = Math.floor(o / nz / ny) % nx, c = Math.floor(o / nz / ny / nx);
    let sum = BIAS[c];
    for (let t = 0; t < 54; t++) {
      const [dx, dy, dz] = [Math.floor(t / 9) % 3, Math.floor(t / 3) % 3, t % 3];
      sum += TAPS[c * 54 + t] * at(Math.floor(t / 27), x + dx - 1, y + dy - 1, z + dz - 1);
    }
    return sum;
  });
  return Promise.resolve(out);
};

/** Asserts Σ y² and Σ y·sin(i/10) of the blended values y. */
async function assertBlended(options: Omit<SlidingOptions, "channels">, norm: number, dot: number): Promise<void> {
  const { logits } = await slidingLogits(convolution, { inputs: INPUTS, sizeVox: SIZE }, { ...options, channels: 2 });
  const found = [logits.reduce((a, v) => a + v * v, 0), logits.reduce((a, v, i) => a + v * Math.sin(0.1 * i), 0)];
  for (const [i, expected] of [norm, dot].entries()) {
    assert.ok(Math.abs(found[i] - expected) <= 2e-6 * Math.max(1, Math.abs(expected)), `${found[i]}, not ${expected}`);
  }
}

/** Of `monai.inferers.sliding_window_inference` (MONAI 1.6.1, PyTorch 2.13, float64), sigma_scale 0.125. */
const MONAI: readonly [roi: Triple, overlap: number | Triple, Blending, norm: number, dot: number][] = [
  [[8, 6, 5], 0.25, "gaussian", 84.0606713, 5.48479528],
  [[8, 6, 5], 0.25, "constant", 84.5910274, 5.6854405],
  [[8, 6, 5], 0.5, "gaussian", 86.0169742, 4.28195125],
  [[8, 6, 5], 0.5, "constant", 90.049491, 4.40482487],
  [[8, 6, 5], 0.625, "gaussian", 84.963296, 5.05902142],
  [[8, 6, 5], 0.625, "constant", 87.4537565, 5.14563421],
  [[8, 6, 5], [0.5, 0.25, 0.75], "gaussian", 86.6335872, 4.67761273],
  [[8, 6, 5], [0.5, 0.25, 0.75], "constant", 89.3495023, 4.48396218],
  [[16, 6, 12], 0.25, "gaussian", 81.8649885, 5.30016138],
  [[16, 6, 12], 0.25, "constant", 81.9985389, 5.44911325],
  [[16, 6, 12], 0.5, "gaussian", 82.4014192, 5.10073275],
  [[16, 6, 12], 0.5, "constant", 82.7259408, 5.21541603],
  [[16, 6, 12], 0.625, "gaussian", 81.7088383, 5.38161977],
  [[16, 6, 12], 0.625, "constant", 81.8320211, 5.5299642],
  [[16, 6, 12], [0.5, 0.25, 0.75], "gaussian", 81.8649885, 5.30016138],
  [[16, 6, 12], [0.5, 0.25, 0.75], "constant", 81.9985389, 5.44911325],
  [[5, 7, 9], 0.25, "gaussian", 84.7505487, 6.42861388],
  [[5, 7, 9], 0.25, "constant", 85.7847866, 6.5596125],
  [[5, 7, 9], 0.5, "gaussian", 83.1963482, 6.33891369],
  [[5, 7, 9], 0.5, "constant", 83.582983, 6.49984729],
  [[5, 7, 9], 0.625, "gaussian", 82.1605785, 5.20752231],
  [[5, 7, 9], 0.625, "constant", 82.0537322, 5.09603503],
  [[5, 7, 9], [0.5, 0.25, 0.75], "gaussian", 82.4435617, 5.84762067],
  [[5, 7, 9], [0.5, 0.25, 0.75], "constant", 82.7054023, 5.94218333],
];

for (const [roi, overlap, blending, norm, dot] of MONAI) {
  Deno.test(`slidingLogits() blends as MONAI: windows ${roi}, overlap ${overlap}, ${blending}`, () =>
    assertBlended({ roi, overlap, blending }, norm, dot));
}

/** Of `nnUNetPredictor.predict_sliding_window_return_logits` (nnunetv2 2.8.1), its sums in float64; step 1 − overlap. */
const NNUNET: readonly [roi: Triple, overlap: number, mirrored: (0 | 1 | 2)[], norm: number, dot: number][] = [
  [[8, 6, 5], 0.5, [], 81.7438693, 5.71743464],
  [[8, 6, 5], 0.5, [0], 66.8017459, 5.91615123],
  [[8, 6, 5], 0.5, [0, 2], 67.2704474, 5.63868102],
  [[8, 6, 5], 0.5, [0, 1, 2], 67.6384268, 4.56197274],
  [[8, 6, 5], 0.3, [], 81.9632231, 5.78572144],
  [[8, 6, 5], 0.3, [0], 67.0454618, 6.00565823],
  [[8, 6, 5], 0.3, [0, 2], 67.5163663, 5.71601598],
  [[8, 6, 5], 0.3, [0, 1, 2], 67.8771891, 4.71933352],
  [[16, 6, 12], 0.5, [], 81.7953685, 5.82839648],
  [[16, 6, 12], 0.5, [0], 66.8063466, 5.96203331],
  [[16, 6, 12], 0.5, [0, 2], 67.224474, 5.61030299],
  [[16, 6, 12], 0.5, [0, 1, 2], 67.6107006, 4.54774009],
  [[16, 6, 12], 0.3, [], 81.7953685, 5.82839648],
  [[16, 6, 12], 0.3, [0], 66.8063466, 5.96203331],
  [[16, 6, 12], 0.3, [0, 2], 67.224474, 5.61030299],
  [[16, 6, 12], 0.3, [0, 1, 2], 67.6107006, 4.54774009],
];

for (const [roi, overlap, mirrored, norm, dot] of NNUNET) {
  Deno.test(`slidingLogits() predicts as nnU-Net: windows ${roi}, overlap ${overlap}, mirrored along [${mirrored}]`, () =>
    assertBlended({ roi, overlap, blending: "gaussian-nnunet", placing: "even", mirrored }, norm, dot));
}

Deno.test("assertBlended() fails where windows are blended otherwise", async () => {
  const [roi, overlap, , norm, dot] = MONAI[0];
  await assert.rejects(assertBlended({ roi, overlap, blending: "constant" }, norm, dot), { name: "AssertionError" });
});
