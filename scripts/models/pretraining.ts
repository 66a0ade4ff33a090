/**
 * The long pre-trainings behind brainmvp-edge and brainmvp-base: their recipes, their cases, and packages of the state that
 * they have reached. Hours of two CPU cores; the same command resumes from the last checkpoint.
 */
import { readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readPretrainingSources } from "../../src/datasets/mod.ts";
import { openEngine } from "../../src/engine/mod.ts";
import { importModel } from "../../src/graph/mod.ts";
import type { Modality } from "../../src/inference/mod.ts";
import { EDGE } from "../../src/nets/mod.ts";
import type { ManifestDraft } from "../../src/registry/mod.ts";
import {
  pretrain,
  pretrainedSoFar,
  type PretrainingCase,
  type PretrainingRecipe,
  type PretrainRequest,
  type PretrainResult,
  type TrainEvent,
  TrainingError,
} from "../../src/train/mod.ts";
import { readCheckpoint } from "../../src/train/loop/checkpoint.ts";
import { CHECKPOINT } from "../../src/train/loop/loop.ts";
import type { Tensor } from "../../src/tensor/mod.ts";
import type { SubjectsPlan } from "../simulator/dataset.ts";
import { newFolder, NOT_MEDICAL, publish, SEED, SOFTWARE } from "./models.ts";
import { type PoolOptions, SubjectPool } from "./subject_pool.ts";

const { outChannels: _o, multiScale: _m, ...SHARED } = EDGE;

/** Every few minutes on two cores. */
const CHECKPOINTS = { edge: 300, base: 150 };

/**
 * The networks. `base`: 9.5 million weights as a fine-tuned segmentation, twice the edge network's time for a window of 64³;
 * its depth lies where the grid is coarse, so that width costs little.
 */
export const PRETRAININGS = {
  "brainmvp-edge": {
    preset: "edge",
    steps: 40_000,
    seed: SEED,
    checkpointEverySteps: CHECKPOINTS.edge,
  },
  "brainmvp-base": {
    preset: "edge",
    network: {
      kind: "uniformer-pretraining",
      config: { ...SHARED, inChannels: 1, widths: [24, 64, 192, 320], depths: [1, 2, 5, 2], stemWidth: 12 },
    },
    learningRate: 6e-4,
    steps: 40_000,
    seed: SEED,
    checkpointEverySteps: CHECKPOINTS.base,
  },
} as const satisfies Record<string, PretrainingRecipe>;
export type PretrainedName = keyof typeof PRETRAININGS;

export interface LongPretraining {
  readonly name: PretrainedName;
  /** The shared data, and folders of simulated subjects. */
  readonly data: string;
  readonly simulated: readonly string[];
  /** Checkpoints and prepared cases; the same folder resumes. */
  readonly work: string;
  /** Replaces the recipe's. */
  readonly steps?: number | undefined;
  /** A package of the same network to go on from; its templates are learnt anew. */
  readonly start?: string | undefined;
  /** Simulated subjects that are drawn while it trains; absent: none. */
  readonly pool?: Pick<PoolOptions, "size" | "replaced"> & { readonly legUpdates: number } | undefined;
}

/** Anatomies that experiments hold out are the last two. */
const ANATOMIES = 14;

/** How the subjects of a pool are made: as those that a folder is filled with before (make_models.ts). */
export function poolPlan(data: string): SubjectsPlan {
  const anatomies = readdirSync(join(data, "anatomies")).filter((f) => f.endsWith(".nii.gz")).sort().slice(
    0,
    ANATOMIES,
  );
  return {
    seed: SEED,
    anatomies: anatomies.map((file) => join(data, "anatomies", file)),
    lesions: { folder: join(data, "ms-lesion-masks"), kind: "ms" },
    lesionChance: 0.5,
    missing: 0.5,
  };
}

/** The leg of a run by its checkpoint: each takes so many updates on the same subjects. */
export async function legOf(work: string, legUpdates: number): Promise<number> {
  const saved = await readCheckpoint(join(work, CHECKPOINT));
  return Math.floor((saved?.progress.step ?? 0) / legUpdates);
}

/**
 * A pre-training whose first cases are those of a pool: leg after leg, each from the checkpoint of the one before.
 * @throws as `pretrain()`
 */
export async function pretrainOnPool(
  request: PretrainRequest,
  { pool, legUpdates }: { readonly pool: SubjectPool; readonly legUpdates: number },
): Promise<PretrainResult> {
  try {
    for (let leg = await legOf(request.workDirectory, legUpdates);; leg++) {
      const drawn = await pool.leg(leg), over = new AbortController();
      const isOver = () => over.signal.aborted && !request.signal?.aborted;
      const onEvent = (event: TrainEvent) => {
        if (event.type === "progress" && event.step === (leg + 1) * legUpdates) over.abort();
        request.onEvent(event);
      };
      try {
        return await pretrain({
          ...request,
          cases: [...drawn, ...request.cases],
          changing: drawn.length,
          signal: request.signal ? AbortSignal.any([request.signal, over.signal]) : over.signal,
          onEvent,
        });
      } catch (error) {
        if (!(error instanceof TrainingError && error.code === "cancelled" && isOver())) throw error;
      }
    }
  } finally {
    pool.stop();
  }
}

/** Hippocampi of every fifth patient test what is learnt here, and the next are kept by others. */
const isTest = (number: number) => number % 5 <= 1;

/**
 * All real scans that may teach weights (CC BY, CC BY-SA): the patients of `ms` and `ms-longitudinal`, and the hippocampus
 * crops of the training part. No tumours: their licence forbids it.
 */
export function realCases(data: string): PretrainingCase[] {
  const folder = (name: string, modalities: readonly Modality[]) =>
    readdirSync(join(data, name), { withFileTypes: true }).filter((e) => e.isDirectory()).map(({ name: id }) => {
      const there = new Set(readdirSync(join(data, name, id)));
      const own = modalities.filter((m) => there.has(`${m}.nii.gz`));
      return {
        id: `${name}/${id}`,
        images: Object.fromEntries(own.map((m) => [m, join(data, name, id, `${m}.nii.gz`)])),
      };
    });
  const crops = readdirSync(join(data, "hippocampus/images")).sort()
    .filter((file) => !isTest(Number(file.match(/\d+/)?.[0])))
    .filter((_, i) => i % CROP_STEP === 0);
  return [
    ...folder("ms", ["t1", "t1c", "t2", "flair"]),
    ...folder("ms-longitudinal", ["t1", "t2", "flair"]),
    ...crops.map((file) => ({ id: `hippocampus/${file}`, images: { t1: join(data, "hippocampus/images", file) } })),
  ].sort((a, b) => a.id < b.id ? -1 : 1);
}

/** All crops, one modality of a small place, would be two thirds of the cases. */
const CROP_STEP = 6;

/** Simulated subjects, then real ones. */
async function casesOf({ data, simulated }: LongPretraining): Promise<PretrainingCase[]> {
  const made = simulated.length === 0 ? [] : (await readPretrainingSources(simulated)).cases;
  return [...made, ...realCases(data)];
}

/** Bytes of prepared cases in memory: a subject with eight modalities has 160 MB. */
const CACHE_BYTES = 4 * 2 ** 30;

/**
 * Trains to the end, or with `soFar` writes the package of the last checkpoint; then the next version of its name.
 * @throws {TrainingError} the data cannot be used, or there is no checkpoint
 */
export async function makePretrained(models: string, options: LongPretraining, { soFar }: { soFar: boolean }) {
  const { name, work, steps, start, data } = options, cases = await casesOf(options), output = await newFolder();
  const { legUpdates, ...sizes } = options.pool ?? { legUpdates: 1, size: 0, replaced: 0 };
  const pool = options.pool && new SubjectPool({ directory: join(work, "pool"), plan: poolPlan(data), ...sizes });
  await Deno.mkdir(work, { recursive: true });
  const engine = await openEngine("cpu"), began = performance.now();
  const recipe: PretrainingRecipe = { ...PRETRAININGS[name], ...(steps !== undefined && { steps }) };
  const request = {
    cases,
    recipe,
    ...(start !== undefined && { weights: await weightsOf(start) }),
    workDirectory: work,
    outputDirectory: output,
    cacheBytes: CACHE_BYTES,
    engine,
    onEvent: (event: TrainEvent) => {
      if (event.type !== "progress" || event.step % 50 === 0) console.log(JSON.stringify(event));
    },
  };
  try {
    const now = soFar && pool ? pool.listed(await legOf(work, legUpdates)) : [];
    const made = soFar
      ? await pretrainedSoFar({ ...request, cases: [...now, ...cases], changing: now.length })
      : { ...await (pool ? pretrainOnPool(request, { pool, legUpdates }) : pretrain(request)), updates: null };
    const seconds = Math.round((performance.now() - began) / 1000);
    const draft: ManifestDraft = {
      ...made.spec as ManifestDraft,
      name,
      provenance: {
        recipe: made.resolvedRecipe as ManifestDraft["provenance"]["recipe"],
        seed: SEED,
        software: { ...SOFTWARE, provider: made.provider },
        metrics: made.metrics,
        createdAt: new Date().toISOString(),
        note:
          `Pre-trained without labels by this code on ${cases.length} cases, ${
            cases.length - realCases(data).length
          } of ` +
          `them simulated (scripts/simulator), ${pool ? poolNote(sizes, legUpdates) : ""}${
            made.updates === null ? `to the end` : `${made.updates} updates so far`
          }${start === undefined ? "" : `, from the weights of ${start.split("/").slice(-2).join(" ")}`}. ${SOURCES}`,
      },
      licence:
        "Apache-2.0; trained on data under CC BY (Lesjak et al. 2016, 2018), CC BY-SA 4.0 (Medical Segmentation " +
        "Decathlon) and Apache-2.0 (SynthSeg's anatomies)",
      intendedUse:
        `An encoder pre-trained without labels: a start for fine-tuning, nothing to run by itself. ${NOT_MEDICAL}`,
    };
    await publish(models, draft, { source: output });
    console.log(JSON.stringify({ metrics: made.metrics, seconds }));
  } finally {
    await engine.close();
    await rm(output, { recursive: true });
  }
}

const poolNote = ({ size, replaced }: Pick<PoolOptions, "size" | "replaced">, legUpdates: number) =>
  `and on a pool of ${size} simulated subjects, of which ${replaced} made room for new ones every ${legUpdates} updates, `;

/** The weights of a package's network. */
async function weightsOf(folder: string): Promise<ReadonlyMap<string, Tensor>> {
  return importModel(await Deno.readFile(join(folder, "network.onnx"))).constants;
}

const SOURCES =
  "Data: Lesjak et al., Neuroinformatics 2016 and 2018 (CC BY, as processed in muschellij2/open_ms_data); " +
  "Medical Segmentation Decathlon Task 04 (CC BY-SA 4.0), training part; anatomies of BBillot/SynthSeg (Apache-2.0).";
