/** Runs that fine-tune on some patients and score on others: lesions, or the modality of an image. */
import { join } from "node:path";
import { type Engine, openEngine } from "../../../src/engine/mod.ts";
import { classify, type Label, type Modality, type ModelSpec, segment } from "../../../src/inference/mod.ts";
import { dice, hd95, nanMean, volumeMl } from "../../../src/metrics/mod.ts";
import { finetune, type FinetuneRequest, type Recipe, type TrainingCase } from "../../../src/train/mod.ts";
import { labelMap, readVolume, spacingOf, voxelMl } from "../../../src/volume/mod.ts";
import type { Encoder } from "./encoders.ts";
import type { Run, RunCache, RunContext } from "../runs/runs.ts";
import type { Metric, Row } from "../types.ts";

/** Labelled cases: the JSON that decides them, and how they are opened. */
export interface Cases {
  readonly data: unknown;
  readonly ids: readonly string[];
  /** Runs that make them. */
  readonly needs: readonly Run[];
  open(runs: Pick<RunCache, "outputOf">): readonly TrainingCase[];
}

export interface FinetuningRunOptions {
  readonly title: string;
  readonly encoder: Encoder;
  readonly train: Cases;
  readonly test: Cases;
  readonly recipe: Omit<Recipe, "validation">;
}

const LESION: Label = { name: "lesion", value: 1, colour: "#e5484d" };
export const LESION_MODALITIES: readonly Modality[] = ["t1", "t1c", "t2", "flair"];

export interface PatientScore {
  readonly id: string;
  readonly dice: number | null;
  /** Null where the prediction is empty. */
  readonly hd95Mm: number | null;
  readonly volumeMl: number;
  readonly referenceMl: number;
}

export interface SegmentationResult {
  readonly provider: string;
  readonly patients: readonly PatientScore[];
  /** Scores on the patients that were trained on. */
  readonly training: unknown;
}

export interface ClassificationResult {
  readonly provider: string;
  readonly cases: readonly {
    readonly id: string;
    readonly actual: number;
    readonly probabilities: readonly number[];
  }[];
}

export const LESION_METRICS: readonly Metric[] = [
  { key: "dice", name: "Dice", better: "higher", digits: 3 },
  { key: "hd95Mm", name: "HD95, mm", better: "lower", digits: 1 },
];

/** Lesions: Dice and HD95 on every test patient's own grid (docs/method D.1). */
export function segmentationRun(options: FinetuningRunOptions): Run {
  const request = { task: "segmentation", modalities: LESION_MODALITIES, labels: [LESION], classes: [] } as const;
  return finetuningRun("segmentation", options, request, async (engine, { spec, directory, folder, test }) => {
    const patients: PatientScore[] = [];
    for (const { id, images, label } of test) {
      const outPath = join(folder, "mask.nii.gz");
      await segment({ directory, spec, images, engine, output: "labels", outPath });
      const [mask, reference] = [await readVolume(outPath), await readVolume(label!)];
      const { sizeVox } = reference, spacingMm = spacingOf(reference.affineRas);
      const perVoxel = { voxelMl: voxelMl(reference.affineRas) };
      const masks = [mask, reference].map(({ data }) => Uint8Array.from(labelMap(data), (v) => Number(v === 1)));
      patients.push({
        id,
        dice: finite(dice(masks[0], masks[1])),
        hd95Mm: finite(hd95(masks[0], masks[1], { sizeVox, spacingMm, empty: "nan" })),
        volumeMl: volumeMl(masks[0], perVoxel),
        referenceMl: volumeMl(masks[1], perVoxel),
      });
    }
    return { patients };
  });
}

/** One image a case with a class: probabilities of every test case. */
export function classificationRun(
  options: FinetuningRunOptions,
  { channel, classes }: { channel: Modality; classes: readonly string[] },
): Run {
  const request = { task: "classification", modalities: [channel], labels: [], classes } as const;
  return finetuningRun("classification", options, request, async (engine, { spec, directory, test }) => {
    const cases: ClassificationResult["cases"][number][] = [];
    for (const { id, images, className } of test) {
      const { classes: found } = await classify({ directory, spec, images, engine });
      cases.push({ id, actual: classes.indexOf(className!), probabilities: found.map((c) => c.probability) });
    }
    return { cases };
  });
}

interface Trained {
  readonly spec: ModelSpec;
  readonly directory: string;
  /** Folder for files that nobody needs later. */
  readonly folder: string;
  readonly test: readonly TrainingCase[];
}

function finetuningRun(
  kind: string,
  { title, encoder, train, test, recipe }: FinetuningRunOptions,
  request: Pick<FinetuneRequest, "task" | "modalities" | "labels" | "classes">,
  score: (engine: Engine, trained: Trained) => Promise<object>,
): Run {
  const setOf = ({ data, ids }: Cases) => ({ data, ids });
  return {
    kind,
    title,
    settings: { encoder: encoder.settings, train: setOf(train), test: setOf(test), recipe, ...request },
    needs: [...encoder.needs, ...train.needs, ...test.needs],
    keepsOutput: false,
    async execute(context: RunContext) {
      const { workDirectory, outputDirectory, device, runs, onEvent } = context;
      const base = { name: "experiment", version: 1, ...await encoder.open(context) };
      const engine = await openEngine(device.provider, { threads: device.threads });
      try {
        const { spec, training, provider } = await finetune({
          ...request,
          cases: train.open(runs),
          base,
          recipe: { ...recipe, validation: "none" },
          workDirectory,
          outputDirectory,
          engine,
          onEvent,
        });
        const trained = { spec, directory: outputDirectory, folder: workDirectory, test: test.open(runs) };
        return { provider, ...await score(engine, trained), training };
      } finally {
        await engine.close();
      }
    },
  };
}

const finite = (v: number) => (Number.isFinite(v) ? v : null);

/** A segmentation row: means over the test patients. An empty prediction has Dice 0 and no HD95; it is counted. */
export function lesionValues(results: readonly unknown[]): { values: Row["values"]; details: unknown } {
  const patients = results.flatMap((r) => (r as SegmentationResult).patients);
  const mean = (pick: (p: PatientScore) => number | null) => finite(nanMean(patients.map((p) => pick(p) ?? NaN)));
  return {
    values: {
      dice: mean((p) => p.dice),
      hd95Mm: mean((p) => p.hd95Mm),
      empty: patients.filter((p) => p.volumeMl === 0).length,
    },
    details: { patients, training: results.map((r) => (r as SegmentationResult).training) },
  };
}
