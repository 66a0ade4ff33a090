/** A real patient's volumes, from the folder that holds `t1`, `t1c`, `t2` and `flair.nii.gz`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../src/engine/mod.ts";
import { prepare, segment, slidingLogits, windowRunner } from "../../src/inference/mod.ts";
import { specOf } from "../../src/registry/manifest.ts";
import { readPackage } from "../../src/registry/package.ts";
import type { Triple } from "../../src/volume/mod.ts";
import { gigabytes, measure, type Row, timesOf, wave } from "./measure.ts";
import { loadNetwork, UNIUNET } from "./networks.ts";

const PACKAGE = join("models", "ms-lesion", "2");

const imagesIn = (data: string) =>
  Object.fromEntries(["t1", "t1c", "t2", "flair"].map((m) => [m, join(data, `${m}.nii.gz`)]));

/** UniUnet in windows of 96³ that overlap by half: the windows and their blending alone, once. */
export async function uniunetVolume(engine: Engine, { name, data }: { name: string; data: string }): Promise<Row> {
  const spec = specOf(await readPackage(PACKAGE));
  const { channels: inputs, grid: { sizeVox } } = await prepare({ spec, images: imagesIn(data) });
  const roi: Triple = [96, 96, 96];
  const session = await loadNetwork(engine, { spec: UNIUNET, roi });
  await session.run({ image: wave([1, 4, ...roi]) });
  const start = performance.now();
  const { windows } = await slidingLogits(windowRunner(session), { inputs, sizeVox }, {
    roi,
    overlap: 0.5,
    blending: "gaussian",
    channels: 3,
  });
  const times = timesOf([performance.now() - start]);
  return { name, ...times, peakGb: gigabytes(await engine.peakBytes()), sizeVox: sizeVox.join("x"), windows };
}

/** From files to the written mask, by the shipped model. */
export async function wholeVolume(engine: Engine, { name, data }: { name: string; data: string }): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), "sulcus-bench-"));
  const images = imagesIn(data);
  const spec = specOf(await readPackage(PACKAGE));
  let windows = 0;
  const run = async () => {
    const outPath = join(folder, "mask.nii.gz");
    windows = (await segment({ directory: PACKAGE, spec, images, engine, output: "labels", outPath })).windows;
  };
  const row = await measure(engine, { name, runs: 2, run });
  await rm(folder, { recursive: true });
  return { ...row, windows };
}
