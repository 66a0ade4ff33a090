import assert from "node:assert/strict";
import { traitsOf } from "../../engine/mod.ts";
import { Random } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import type { RunWindow } from "./run_window.ts";
import { checkTime, slidingLogits, windowBatch } from "./sliding.ts";
import { InferenceError } from "../types.ts";

const noise = (n: number, seed: number) => {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.normal());
};

/** Asserts that the greatest difference is at most `tolerance`. */
function assertNear(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  const worst = actual.reduce((w, v, i) => (Math.abs(v - expected[i]) > Math.abs(actual[w] - expected[w]) ? i : w), 0);
  const miss = Math.abs(actual[worst] - expected[worst]);
  assert.ok(miss <= tolerance, `voxel ${worst}: ${actual[worst]}, expected ${expected[worst]} ± ${tolerance}`);
}

Deno.test("assertNear() fails on one wrong voxel", () => {
  assert.throws(() => assertNear(Float32Array.of(1, 2), Float32Array.of(1, 2.1), 0.01), /voxel 1: 2, expected 2.09/);
});

const identity: RunWindow = (input) => Promise.resolve(input.slice());

for (const blending of ["constant", "gaussian"] as const) {
  for (
    const [size, roi, windows] of [
      [[11, 9, 8], [4, 4, 8], 20],
      [[8, 8, 8], [8, 8, 8], 1],
      [[5, 9, 3], [8, 8, 8], 2],
      [[3, 2, 1], [4, 6, 4], 1],
    ] as [Triple, Triple, number][]
  ) {
    Deno.test(`slidingLogits() returns an identity network's input: [${size}] in windows [${roi}], ${blending}`, async () => {
      const voxels = size[0] * size[1] * size[2];
      const inputs = [noise(voxels, 1), noise(voxels, 2)];
      const done: number[] = [];
      const result = await slidingLogits(identity, { inputs, sizeVox: size }, {
        roi,
        overlap: 0.5,
        blending,
        channels: 2,
        onProgress: (i, n) => {
          done.push(i);
          assert.equal(n, windows);
        },
      });
      assert.equal(result.windows, windows);
      assert.deepEqual(done, Array.from({ length: windows }, (_, i) => i + 1));
      assertNear(result.logits.subarray(0, voxels), inputs[0], 1e-5);
      assertNear(result.logits.subarray(voxels), inputs[1], 1e-5);
    });
  }
}

Deno.test("slidingLogits() averages windows by weight: Σ w·logit / Σ w", async () => {
  let n = 0;
  const count: RunWindow = (input) => Promise.resolve(new Float32Array(input.length).fill(n++));
  const run = (blending: "constant" | "gaussian") => {
    n = 0;
    const inputs = [new Float32Array(6)];
    return slidingLogits(count, { inputs, sizeVox: [1, 1, 6] }, {
      roi: [1, 1, 4],
      overlap: 0.5,
      blending,
      channels: 1,
    });
  };
  assert.deepEqual([...(await run("constant")).logits], [0, 0, 0.5, 0.5, 1, 1]);
  const { logits } = await run("gaussian");
  // σ = 4/8: weights exp(−2·0.5²) at distance 0.5, exp(−2·1.5²) at distance 1.5
  const near = Math.exp(-0.5), far = Math.exp(-4.5);
  assertNear(logits, Float32Array.of(0, 0, far / (near + far), near / (near + far), 1, 1), 1e-6);
});

Deno.test("slidingLogits() hands the network windows [1, C, …roi] with 0 in the padding", async () => {
  const seen: [number[], number[]][] = [];
  const watch: RunWindow = (input, shape) => {
    seen.push([[...input], [...shape]]);
    return Promise.resolve(new Float32Array(input.length / 2));
  };
  const inputs = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
  await slidingLogits(watch, { inputs, sizeVox: [1, 1, 2] }, {
    roi: [1, 1, 5],
    overlap: 0,
    blending: "constant",
    channels: 1,
  });
  assert.deepEqual(seen, [[[0, 1, 2, 0, 0, 0, 3, 4, 0, 0], [1, 2, 1, 1, 5]]]);
});

Deno.test("slidingLogits() runs windows together with the result of one by one", async () => {
  const seen: number[][] = [];
  /** Logits that differ by the input's channels and, by the first voxel, by its windows. */
  const network: RunWindow = (input, shape) => {
    seen.push([...shape]);
    const voxels = 2 * 2 * 2, logits = new Float32Array(shape[0] * voxels);
    for (let i = 0; i < logits.length; i++) {
      const sample = Math.floor(i / voxels), at = sample * 2 * voxels + i % voxels;
      logits[i] = input[at] - 2 * input[at + voxels] + input[sample * 2 * voxels];
    }
    return Promise.resolve(logits);
  };
  const inputs = [noise(5 * 3 * 2, 1), noise(5 * 3 * 2, 2)];
  const run = (batch: number | undefined, done: number[] = []) =>
    slidingLogits(network, { inputs, sizeVox: [5, 3, 2] }, {
      roi: [2, 2, 2],
      overlap: 0,
      blending: "constant",
      channels: 1,
      batch,
      onProgress: (n) => done.push(n),
    });
  const alone = await run(undefined);
  assert.deepEqual([alone.windows, seen.length], [6, 6]);
  const done: number[] = [];
  assert.deepEqual(await run(4, done), alone);
  assert.deepEqual(seen.slice(6), [[4, 2, 2, 2, 2], [4, 2, 2, 2, 2]]);
  assert.deepEqual(done, [4, 6]);
});

Deno.test("windowBatch() is one on a processor, and on a GPU no more than the windows and the voxels of one of 96³", () => {
  const of = (provider: "cpu" | "wasm" | "webgpu" | "cuda", edge: number, size = 200) =>
    windowBatch(traitsOf(provider), { sizeVox: [size, size, size], roi: [edge, edge, edge], overlap: 0 });
  assert.deepEqual([of("cpu", 32), of("wasm", 32)], [1, 1]);
  assert.deepEqual([128, 96, 64, 48, 32].map((edge) => of("cuda", edge)), [1, 1, 2, 8, 8]);
  assert.equal(of("webgpu", 32, 32), 1);
});

Deno.test("slidingLogits() stops before the next window when it is cancelled", async () => {
  const abort = new AbortController();
  let runs = 0;
  const once: RunWindow = (input) => {
    runs++;
    abort.abort();
    return identity(input, []);
  };
  const options = { roi: [2, 2, 2], overlap: 0, blending: "constant", channels: 1, signal: abort.signal } as const;
  await assert.rejects(
    slidingLogits(once, { inputs: [new Float32Array(64)], sizeVox: [4, 4, 4] }, options),
    (error) => error instanceof InferenceError && error.code === "cancelled",
  );
  assert.equal(runs, 1);
});

Deno.test("slidingLogits() refuses logits of another number of channels", async () => {
  const options = { roi: [2, 2, 2], overlap: 0, blending: "constant", channels: 3 } as const;
  await assert.rejects(slidingLogits(identity, { inputs: [new Float32Array(8)], sizeVox: [2, 2, 2] }, options), {
    name: "RangeError",
    message: "Cannot blend windows: expected logits of [1, 3, 2, 2, 2], got 8 values",
  });
});

Deno.test("slidingLogits() runs no window without a voxel to label, and gives the others what they get without the mask", async () => {
  const sizeVox: Triple = [40, 9, 8], roi: Triple = [8, 8, 8], voxels = 40 * 9 * 8;
  const image = Float32Array.from({ length: voxels }, (_, i) => Math.sin(i));
  const options = { roi, overlap: 0.5, blending: "gaussian", channels: 1 } as const;
  const seen: number[] = [];
  const run: RunWindow = (input) => {
    seen.push(input[0]);
    return Promise.resolve(input.slice());
  };
  // two slabs with a gap in which no window reaches them, and a window's width of planes that adjoin
  for (const slabs of [[[3, 5], [30, 33]], [[0, 9]], [[39, 40]], [[8, 12], [12, 16]]]) {
    const inside = new Uint8Array(voxels);
    for (const [from, to] of slabs) inside.fill(1, from * 72, to * 72);
    seen.length = 0;
    const whole = await slidingLogits(run, { inputs: [image], sizeVox }, options);
    const all = seen.length;
    seen.length = 0;
    const part = await slidingLogits(run, { inputs: [image], sizeVox, inside }, options);
    assert.equal(part.windows, seen.length);
    assert.ok(part.windows < all, `${part.windows} of ${all} windows`);
    for (const [v, logit] of part.logits.entries()) {
      if (inside[v] === 1) assert.ok(Math.abs(logit - whole.logits[v]) < 1e-5, `voxel ${v}`);
      else assert.ok(logit === -Infinity || Number.isFinite(logit));
    }
  }
  const nothing = await slidingLogits(run, { inputs: [image], sizeVox, inside: new Uint8Array(voxels) }, options);
  assert.ok(nothing.windows === 0 && nothing.logits.every((v) => v === -Infinity));
});

Deno.test("checkTime() gives work up that shows to take too long, once it shows", () => {
  const at = (elapsed: number, done: number) => () => checkTime({ done, total: 1000, elapsed, seconds: 1500 });
  at(19, 1)();
  at(30, 20)();
  assert.throws(
    at(30, 10),
    (e) =>
      e instanceof InferenceError && e.code === "too-much-work" &&
      e.message ===
        "Cannot run the model: 10 of 1000 windows took 30 s, so that all would take about 3000 s, expected " +
          "at most 1500 s",
  );
});
