/** A few updates on phantoms: the export as the command line imports it, fine-tuned as a request would. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readDatasetFolder } from "../../src/datasets/mod.ts";
import type { Engine } from "../../src/engine/mod.ts";
import type { Modality } from "../../src/inference/mod.ts";
import { specOf } from "../../src/registry/mod.ts";
import { packageDirectory, readPackage, writePackage } from "../../src/registry/package.ts";
import { finetune } from "../../src/train/mod.ts";
import { importWeights } from "../../src/weights/import_weights.ts";
import { writePhantomDataset } from "../phantoms/files.ts";

export const UPDATES = 8;

/** One modality for each channel of the network. */
const MODALITIES: readonly Modality[] = ["flair", "t1", "t2", "t1c"];

export interface Updates {
  /** The loss before each update. */
  readonly losses: readonly number[];
  /** One of the later losses is below the first. */
  readonly falls: boolean;
  readonly seconds: number;
}

/** Writes the phantoms on which every network is tried. */
export async function writePhantoms(folder: string): Promise<void> {
  await writePhantomDataset(folder, {
    seed: 3,
    count: 1,
    sizeVox: [68, 72, 70],
    spacingMm: [1, 1, 1],
    lesions: 8,
    task: "segmentation",
  });
}

/** @throws whatever the import or the fine-tune refuses */
export async function tryUpdates(
  engine: Engine,
  { bytes, features, window, channels, phantoms, work }: {
    readonly bytes: Uint8Array;
    readonly features: readonly string[];
    readonly window: readonly [number, number, number];
    readonly channels: number;
    readonly phantoms: string;
    /** An empty folder. */
    readonly work: string;
  },
): Promise<Updates> {
  const modalities = MODALITIES.slice(0, channels);
  const source = join(work, "source"), file = join(work, "export.onnx");
  await mkdir(source);
  await writeFile(file, bytes);
  const request = { name: "tried", modalities, features: [...features], roi: [...window] as [number, number, number] };
  const { draft } = await importWeights({ path: file }, request, source);
  await writePackage(work, draft, { version: 1, source });
  const directory = packageDirectory(work, "tried", 1);
  const { cases } = await readDatasetFolder(phantoms);
  const losses: number[] = [];
  const start = performance.now();
  await finetune({
    task: "segmentation",
    cases,
    modalities,
    labels: [{ name: "lesion", value: 1, colour: "#e5484d" }],
    classes: [],
    base: { name: "tried", version: 1, directory, spec: specOf(await readPackage(directory)) },
    recipe: { preset: "edge", steps: UPDATES, roi: window, validation: "none" },
    workDirectory: join(work, "work"),
    outputDirectory: join(work, "output"),
    engine,
    onEvent: (event) => event.type === "progress" && losses.push(event.loss),
  });
  const falls = Math.min(...losses.slice(-4)) < losses[0] && losses.every(Number.isFinite);
  return { losses, falls, seconds: (performance.now() - start) / 1000 };
}
