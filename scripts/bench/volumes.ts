/** A real patient's volumes, from the folder that holds `t1`, `t1c`, `t2` and `flair.nii.gz`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, forgetPeaks, peakOfWork } from "../../src/engine/mod.ts";
import { encodeModel } from "../../src/graph/mod.ts";
import {
  BRAINMVP_PREPROCESSING,
  type ModelSpec,
  prepare,
  segment,
  slidingLogits,
  windowRunner,
} from "../../src/inference/mod.ts";
import { specOf } from "../../src/registry/manifest.ts";
import { readPackage } from "../../src/registry/package.ts";
import { buildNetwork, initialWeights } from "../../src/nets/mod.ts";
import { spacingAffine, type Triple, writeVolume } from "../../src/volume/mod.ts";
import { makePhantom } from "../phantoms/phantom.ts";
import { gigabytes, measure, type Row, timesOf, wave } from "./measure.ts";
import { EDGE_NET, loadNetwork, UNIUNET } from "./networks.ts";

const PACKAGE = join("models", "ms-lesion", "4");

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

/** The grid of a large whole-head scan. */
const LARGE = { sizeVox: [512, 512, 300] as Triple, spacingMm: [0.45, 0.45, 0.6] as Triple };
const LABELS = 30;

/** From one large file to a mask of thirty labels, by an edge network with random weights: time, and memory in all. */
export async function largeVolume(engine: Engine, { name }: { name: string }): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), "sulcus-bench-"));
  const images = { t1: join(folder, "t1.nii.gz") };
  await writeLargeHead(images.t1);
  const config = { ...EDGE_NET.config, inChannels: 1, outChannels: LABELS };
  const architecture = { ...EDGE_NET, config };
  const network = buildNetwork(architecture, {
    input: [1, 1, 64, 64, 64],
    weights: initialWeights(architecture, { seed: 0 }),
    outputs: "inference",
  });
  await Deno.writeFile(join(folder, "network.onnx"), encodeModel(network));
  const spec: ModelSpec = {
    task: "segmentation",
    architecture,
    modalities: ["t1"],
    labels: Array.from({ length: LABELS }, (_, i) => ({ name: `label ${i}`, value: i + 1, colour: "#ffffff" })),
    classes: [],
    preprocessing: { ...BRAINMVP_PREPROCESSING, percentilesOver: "foreground" },
    inference: { roi: [64, 64, 64], overlap: 0.25, blending: "gaussian", threshold: 0.5 },
  };
  const start = performance.now();
  forgetPeaks(engine);
  const result = await segment({
    directory: folder,
    spec,
    images,
    engine,
    output: "labels",
    outPath: join(folder, "mask.nii.gz"),
  });
  const times = timesOf([performance.now() - start]);
  await rm(folder, { recursive: true });
  const { windows, timingsMs } = result;
  return { name, ...times, peakGb: gigabytes(await peakOfWork(engine)), windows, ...timingsMs };
}

/** A phantom's head at a quarter of the resolution, each voxel repeated. */
async function writeLargeHead(path: string): Promise<void> {
  const [nx, ny, nz] = LARGE.sizeVox, [sx, sy, sz] = [nx / 4, ny / 4, nz / 3];
  const { images } = makePhantom({ seed: 1, sizeVox: [sx, sy, sz], spacingMm: [1.8, 1.8, 1.8], lesions: 4 });
  const data = new Float32Array(nx * ny * nz);
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = ((x >> 2) * sy + (y >> 2)) * sz;
      for (let z = 0; z < nz; z++, v++) data[v] = images.t1[row + Math.floor(z / 3)];
    }
  }
  await writeVolume(path, { data, grid: { sizeVox: LARGE.sizeVox, affineRas: spacingAffine(LARGE.spacingMm) } });
}
