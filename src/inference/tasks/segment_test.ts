/** Whole requests on the CPU engine: files and a package in, a mask on the first file's voxels out. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { DeviceEngine, type Engine, EngineError, loweringOf, traitsOf } from "../../engine/mod.ts";
import { disguised } from "../../engine/testing/disguised.ts";
import { type Graph, GraphBuilder } from "../../graph/mod.ts";
import { runs } from "../../process/testing/programs.ts";
import { tensor } from "../../tensor/mod.ts";
import { type Grid, readVolume, readVolumeHeader, sameGrid, type Triple, type VolumeHeader } from "../../volume/mod.ts";
import { segment } from "./segment.ts";
import { besidesSize, normalised, SPEC, withEngine, writePackage } from "../testing/packages.ts";
import type { ModelSpec } from "../spec.ts";
import { InferenceError, type SegmentRequest } from "../types.ts";

/** Logits voxel by voxel: 4·flair − 2 and 1 − 2·t1 + flair. */
function pointwise([x, y, z]: Triple): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, x, y, z] });
  const kernel = b.constant(tensor("float32", [2, 2, 1, 1, 1], [0, 4, -2, 1]), "kernel");
  const bias = b.constant(tensor("float32", [2], [-2, 1]), "bias");
  return b.build("pointwise", { out: b.op.Conv(image, kernel, bias, { kernel_shape: [1, 1, 1] }) });
}
const LOGITS = [([, flair]: number[]) => 4 * flair - 2, ([t1, flair]: number[]) => 1 - 2 * t1 + flair];

/** Logit of both labels: the neighbour one millimetre to the right (R) of flair, minus 0.5. */
function shifted([x, y, z]: Triple): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, x, y, z] });
  const taps = new Float32Array(2 * 2 * 27);
  for (const out of [0, 1]) taps[(out * 2 + 1) * 27 + 2 * 9 + 4] = 1;
  const kernel = b.constant(tensor("float32", [2, 2, 3, 3, 3], taps), "kernel");
  const bias = b.constant(tensor("float32", [2], [-0.5, -0.5]), "bias");
  const padded = b.op.Conv(image, kernel, bias, { kernel_shape: [3, 3, 3], pads: [1, 1, 1, 1, 1, 1] });
  return b.build("shifted", { out: padded });
}

/** The volumes of a NIfTI file with one or more components, each in C order. */
async function readComponents(path: string): Promise<{ dims: number[]; components: Float32Array[] }> {
  const bytes = gunzipSync(await readFile(path));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const dims = Array.from({ length: view.getInt16(40, true) }, (_, i) => view.getInt16(42 + 2 * i, true));
  const isByte = view.getInt16(70, true) === 2;
  const [nx, ny, nz] = dims;
  const components = Array.from({ length: dims[3] ?? 1 }, (_, c) => {
    const out = new Float32Array(nx * ny * nz);
    for (let z = 0, from = c * nx * ny * nz; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++, from++) {
          out[(x * ny + y) * nz + z] = isByte ? bytes[352 + from] : view.getFloat32(352 + 4 * from, true);
        }
      }
    }
    return out;
  });
  return { dims, components };
}

interface Scene {
  readonly grid: Grid;
  readonly images: { readonly t1: string; readonly flair: string };
  readonly data: { readonly t1: Float32Array; readonly flair: Float32Array };
}

/** A phantom on a grid of any orientation and spacing. */
async function writeScene(folder: string, grid: Grid, name: string): Promise<Scene> {
  const { images: { t1, flair } } = makePhantom({ seed: 5, sizeVox: grid.sizeVox, spacingMm: [1, 1, 1], lesions: 3 });
  const write = (modality: string, data: Float32Array) =>
    writeVolume(join(folder, `${name}-${modality}.nii.gz`), grid, data);
  return { grid, data: { t1, flair }, images: { t1: await write("t1", t1), flair: await write("flair", flair) } };
}

Deno.test("segment() labels the voxels that a reference computed on the file's own grid labels", () =>
  withEngine(async (engine, folder) => {
    const directory = await writePackage(folder, pointwise([16, 16, 16]));
    for (
      const [code, spacingMm] of [["LAS", [2, 1, 1]], ["PSR", [1, 1, 2]], ["RIA", [1, 1, 1]]] as [string, Triple][]
    ) {
      // spacings are multiples of the network's: every voxel of the file is a voxel of the network
      const scene = await writeScene(
        folder,
        orientedGrid([18, 22, 17], { code, spacingMm, originMm: [-9, 12, 30] }),
        code,
      );
      const progress: number[] = [];
      const outPath = join(folder, `${code}.nii.gz`);
      const request: SegmentRequest = {
        directory,
        spec: SPEC,
        images: scene.images,
        engine,
        output: "labels",
        outPath,
        onProgress: (done, total) => progress.push(done / total),
      };
      const result = await segment(request);
      const t1 = normalised(scene.data.t1), flair = normalised(scene.data.flair);
      const logits = LOGITS.map((logit) => flair.map((f, v) => logit([t1[v], f])));
      // outside the foreground's box there is background; a phantom's own background has flair = 0 and t1 = 0
      const bright = logits[0].map((l) => Number(l >= 0)), dark = logits[1].map((l) => Number(l >= 0));
      const mask = await readVolume(outPath);
      assert.ok(sameGrid(mask, scene.grid));
      let compared = 0;
      for (const [v, value] of mask.data.entries()) {
        const isHead = scene.data.t1[v] > 0;
        if (!isHead || logits.some((l) => Math.abs(l[v]) < 1e-4)) continue;
        compared++;
        assert.equal(value, dark[v] ? 7 : bright[v] ? 3 : 0, `${code}, voxel ${v}`);
      }
      assert.ok(compared > 1000 && [0, 3, 7].every((v) => mask.data.includes(v)), `${compared} voxels compared`);

      const { components, dims } = await (async () => {
        await segment({ ...request, output: "regions", outPath: join(folder, "regions.nii.gz") });
        return readComponents(join(folder, "regions.nii.gz"));
      })();
      assert.deepEqual(dims, [...scene.grid.sizeVox, 2]);
      assert.deepEqual(Float32Array.from(mask.data), components[0].map((b, v) => (components[1][v] ? 7 : b ? 3 : 0)));
      assert.ok(components[0].some((b, v) => b && components[1][v]), "regions may overlap");

      await segment({ ...request, output: "probabilities", outPath: join(folder, "p.nii.gz") });
      const probabilities = await readComponents(join(folder, "p.nii.gz"));
      for (const [c, p] of probabilities.components.entries()) {
        for (const [v, value] of p.entries()) {
          if (scene.data.t1[v] > 0) {
            const expected = 1 / (1 + Math.exp(-logits[c][v]));
            assert.ok(
              Math.abs(value - expected) < 1e-4,
              `${code}, label ${c}, voxel ${v}: ${value}, expected ${expected}`,
            );
          } else assert.ok(value >= 0 && value <= 1);
        }
      }

      assert.equal(result.provider, "cpu");
      assert.deepEqual(besidesSize(result.warnings), []);
      const voxelMl = spacingMm[0] * spacingMm[1] * spacingMm[2] / 1000;
      assert.deepEqual(
        result.labels,
        SPEC.labels.map(({ name, value }, c) => {
          const voxels = components[c].reduce((a, b) => a + b);
          return { name, value, voxels, volumeMl: voxels * voxelMl };
        }),
      );
      assert.ok(result.windows > 1 && progress.length >= result.windows && progress.at(-1) === 1);
      assert.ok(result.peakBytes > 0 && Object.values(result.timingsMs).every((t) => t >= 0));
    }
  }));

/** The CPU's engine as a GPU with the memory for `most` windows; records the batches that it was asked for. */
function gpuWithRoomFor(most: number, engine: Engine): { gpu: Engine; batches: number[] } {
  const batches: number[] = [];
  const gpu = disguised(engine, {
    provider: "cuda",
    precision: "float32",
    traits: traitsOf("cuda"),
    lowering: loweringOf("cuda", "float32"),
    deviceName: "a GPU",
    load: async (model, options) => {
      const session = await engine.load(model, options);
      const [batch] = Object.values(session.inputs)[0].shape;
      const run: typeof session.run = (feeds, how) => {
        batches.push(batch);
        return batch > most ? Promise.reject(new EngineError("out-of-memory", "too much")) : session.run(feeds, how);
      };
      return { ...session, run };
    },
  });
  return { gpu, batches };
}

Deno.test("segment() runs as many windows at a time as the device has memory for, with the same mask", () =>
  withEngine(async (engine, folder) => {
    const directory = await writePackage(folder, shifted([16, 16, 16]));
    const { images } = await writeScene(folder, orientedGrid([20, 24, 18], {}), "a");
    const request = { directory, spec: SPEC, images, output: "labels" } as const;
    const onCpu = join(folder, "cpu.nii.gz"), onGpu = join(folder, "gpu.nii.gz");
    const { windows, labels } = await segment({ ...request, engine, outPath: onCpu });
    for (const [most, tried] of [[8, [8]], [2, [8, 4, 2]], [1, [8, 4, 2, 1]]] as const) {
      const { gpu, batches } = gpuWithRoomFor(most, engine);
      const result = await segment({ ...request, engine: gpu, outPath: onGpu });
      assert.deepEqual([result.provider, result.windows, result.labels], ["cuda", windows, labels]);
      assert.deepEqual(await Deno.readFile(onGpu), await Deno.readFile(onCpu));
      const runs = Math.ceil(windows / most);
      assert.deepEqual(batches, [...tried, ...Array(runs - 1).fill(most)]);
    }
    const { gpu, batches } = gpuWithRoomFor(0, engine);
    await assert.rejects(segment({ ...request, engine: gpu, outPath: onGpu }), { code: "out-of-memory" });
    assert.deepEqual(batches, [8, 4, 2, 1]);
  }));

/** Both labels have flair − 0.5 as logit, by way of 256 channels: 32 MiB for a window of 32³. */
function wide([x, y, z]: Triple): Graph {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, x, y, z] });
  const kernel = (name: string, shape: number[], at: (i: number) => number) =>
    b.constant(tensor("float32", shape, Array.from({ length: shape[0] * shape[1] }, (_, i) => at(i))), name);
  const [spread, joined] = [
    kernel("spread", [256, 2, 1, 1, 1], (i) => i % 2),
    kernel("joined", [2, 256, 1, 1, 1], () => 1 / 256),
  ];
  const channels = b.op.Conv(image, spread, null, { kernel_shape: [1, 1, 1] });
  return b.build("wide", {
    out: b.op.Sub(b.op.Conv(b.op.Relu(channels), joined, null, { kernel_shape: [1, 1, 1] }), 0.5),
  });
}

const prlimit = await runs("prlimit", "--version");

Deno.test({
  name: `segment() runs fewer windows at a time in a process with little memory${
    prlimit ? "" : " (skipped: no prlimit)"
  }`,
  ignore: !prlimit,
  fn: () =>
    inFolder(async (folder) => {
      const engine = await DeviceEngine.open("cpu");
      try {
        const directory = await writePackage(folder, wide([32, 32, 32]));
        const { images } = await writeScene(folder, orientedGrid([36, 36, 36], {}), "a");
        const spec: ModelSpec = {
          ...SPEC,
          preprocessing: { ...SPEC.preprocessing, foregroundMargin: null },
          inference: { ...SPEC.inference, roi: [32, 32, 32] },
        };
        const request = { directory, spec, images, output: "labels" } as const;
        const all = join(folder, "all.nii.gz"), few = join(folder, "few.nii.gz");
        const { windows } = await segment({ ...request, engine, outPath: all });
        const { gpu, batches } = gpuWithRoomFor(Infinity, engine);
        const held = Deno.readTextFileSync(`/proc/${engine.pid}/status`).match(/^VmData:\s+(\d+) kB/m)!;
        const limit = `--data=${1024 * Number(held[1]) + 200 * 2 ** 20}`;
        assert.ok((await new Deno.Command("prlimit", { args: ["--pid", `${engine.pid}`, limit] }).output()).success);
        await segment({ ...request, engine: gpu, outPath: few });
        assert.deepEqual([windows, batches[0]], [8, 8]);
        assert.ok(batches.at(-1)! < 8, `ran in batches of ${batches}`);
        assert.deepEqual(await Deno.readFile(few), await Deno.readFile(all));
      } finally {
        await engine.close();
      }
    }),
});

Deno.test("segment() keeps left and right apart: a network that looks to the right moves the mask to the left", () =>
  withEngine(async (engine, folder) => {
    const spec: ModelSpec = {
      ...SPEC,
      preprocessing: { ...SPEC.preprocessing, foregroundMargin: null },
      inference: { ...SPEC.inference, roi: [32, 32, 32] },
    };
    const directory = await writePackage(folder, shifted([32, 32, 32]));
    for (const [code, axis, step] of [["LAS", 0, -1], ["PSR", 2, 1], ["AIL", 2, -1], ["SRA", 1, 1]] as const) {
      const scene = await writeScene(folder, orientedGrid([20, 24, 18], { code }), code);
      const outPath = join(folder, `${code}.nii.gz`);
      await segment({ directory, spec, images: scene.images, engine, output: "labels", outPath });
      const mask = await readVolume(outPath);
      const flair = normalised(scene.data.flair);
      const [nx, ny, nz] = scene.grid.sizeVox;
      let ones = 0;
      for (let x = 1; x < nx - 1; x++) {
        for (let y = 1; y < ny - 1; y++) {
          for (let z = 1; z < nz - 1; z++) {
            const at = [x, y, z];
            at[axis] += step;
            const value = flair[(at[0] * ny + at[1]) * nz + at[2]];
            if (Math.abs(value - 0.5) < 1e-4) continue;
            ones += Number(value > 0.5);
            assert.equal(mask.data[(x * ny + y) * nz + z], value > 0.5 ? 7 : 0, `${code} ${x},${y},${z}`);
          }
        }
      }
      assert.ok(ones > 500);
    }
  }));

Deno.test("segment() writes the geometry of the first file given, byte by byte", () =>
  withEngine(async (engine, folder) => {
    const directory = await writePackage(folder, pointwise([16, 16, 16]));
    const { images } = await writeScene(folder, orientedGrid([12, 14, 13], { code: "PIR", originMm: [1, 2, 3] }), "a");
    const outPath = join(folder, "mask.nii.gz");
    // flair first, and t1 on a grid of its own
    const other = orientedGrid([16, 16, 16], { originMm: [-9, -9, -9] });
    const t1 = await writeVolume(join(folder, "t1.nii"), other, sampled(other, ([x]) => x + 10));
    const { warnings } = await segment({
      directory,
      spec: SPEC,
      images: { flair: images.flair, t1 },
      engine,
      output: "labels",
      outPath,
    });
    assert.deepEqual(besidesSize(warnings).map((w) => w.code), ["grids-differ"]);
    const [mask, flair] = await Promise.all([readVolumeHeader(outPath), readVolumeHeader(images.flair)]);
    assert.deepEqual(mask.sizeVox, flair.sizeVox);
    const geometry = (header: VolumeHeader) => header.nifti!.raw.subarray(252, 328);
    assert.deepEqual(geometry(mask), geometry(flair), "qform, sform, quaternion, rows");
  }));

Deno.test({
  name: "segment() reports what the process around the device holds: 500 MB of arrays are in its peak",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withEngine(async (engine, folder) => {
      const directory = await writePackage(folder, pointwise([16, 16, 16]));
      const { images } = await writeScene(folder, orientedGrid([12, 14, 13]), "a");
      const held = new Uint8Array(500e6).fill(1);
      const outPath = join(folder, "mask.nii.gz");
      const { peakBytes } = await segment({ directory, spec: SPEC, images, engine, output: "labels", outPath });
      assert.ok(held[0] === 1 && peakBytes >= held.length, `${peakBytes} bytes`);
    }),
});

Deno.test("segment() takes a template for a missing modality, and a signal", () =>
  withEngine(async (engine, folder) => {
    const directory = await writePackage(folder, pointwise([16, 16, 16]));
    const grid = orientedGrid([12, 12, 12]);
    await Deno.mkdir(join(directory, "templates"));
    await writeVolume(join(directory, "templates", "t1.nii.gz"), grid, sampled(grid, ([x]) => x));
    const noise = (mm: Triple) => mm[0] * 7 % 5 + mm[1] * 3 % 7 + mm[2];
    const flair = await writeVolume(join(folder, "f.nii"), grid, sampled(grid, noise));
    const request: SegmentRequest = {
      directory,
      spec: SPEC,
      images: { flair },
      engine,
      output: "labels",
      outPath: join(folder, "mask.nii.gz"),
    };
    await assert.rejects(segment(request), (e) => e instanceof InferenceError && e.code === "missing-modality");
    const { labels, warnings } = await segment({ ...request, missing: "template" });
    assert.deepEqual(besidesSize(warnings).map((w) => w.code), ["template-substituted"]);
    // flair spans 0 to 1 and more, t1 stands for x/11: bright is flair ≥ 0.5, dark 1 − 2·x/11 + flair ≥ 0
    const own = normalised((await readVolume(flair)).data), x = (v: number) => Math.floor(v / 144);
    const expected = [own.filter((f) => 4 * f - 2 >= 0), own.filter((f, v) => 1 - 2 * x(v) / 11 + f >= 0)];
    assert.deepEqual(labels.map((l) => l.voxels), expected.map((voxels) => voxels.length));
    await assert.rejects(
      segment({ ...request, missing: "template", signal: AbortSignal.abort() }),
      (e) => e instanceof InferenceError && e.code === "cancelled",
    );
    const other = await writePackage(folder, { ...pointwise([16, 16, 16]), name: "other" });
    await Deno.rename(join(directory, "templates"), join(other, "templates"));
    await assert.rejects(
      segment({ ...request, directory: other, missing: "template", spec: { ...SPEC, labels: SPEC.labels.slice(1) } }),
      {
        code: "invalid-output",
        message: /^Cannot use the network: expected an output of \[1, 1, 16, 16, 16\], a logit/,
      },
    );
  }));
