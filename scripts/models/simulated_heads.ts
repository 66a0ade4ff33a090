/**
 * simulated-heads: labels of simulated heads, lesions or structures, in their modalities, any of which may be missing. Its
 * encoder and decoder are brainmvp-lesions, a base for fine-tunes on lesions: it has seen loads of them that a handful of
 * patients does not show.
 */
import { join } from "node:path";
import { readDatasetFolder } from "../../src/datasets/mod.ts";
import { readPackage, verifyPackage } from "../../src/registry/package.ts";
import { STRONG_AUGMENTATION } from "../../src/train/recipe/augmentation.ts";
import type { TrainingCase } from "../../src/train/mod.ts";
import { fineTuned, NOT_MEDICAL, publish, SEED } from "./models.ts";

/** Updates of one crop in one view. */
const STEPS = 6_000;
/** Prepared heads in memory: a modality of one has up to 40 MB. */
const CACHE_BYTES = 10 * 2 ** 30;

const LICENCE =
  "Apache-2.0; trained on heads simulated from anatomies of BBillot/SynthSeg (Apache-2.0) and lesion masks of Lesjak et " +
  "al. 2018 (CC BY), from an encoder that was pre-trained on data under CC BY and CC BY-SA 4.0";

interface SimulatedHeads {
  readonly base: string;
  /** Data sets of `scripts/simulator/main.ts`, with the same labels and modalities. */
  readonly simulated: readonly string[];
  readonly work: string;
  readonly steps?: number | undefined;
}

/** Trains on every head; none is held out, since what counts is how networks do that start from this one. */
export async function makeSimulatedHeads(
  models: string,
  { base, simulated, work, steps = STEPS }: SimulatedHeads,
): Promise<void> {
  const sets = await Promise.all(simulated.map((folder) => readDatasetFolder(folder)));
  const cases = sets.flatMap(({ cases }, i) =>
    cases.map((c): TrainingCase => ({ ...c, id: `${i + 1}-${c.id}`, patient: `${i + 1}-${c.id}` }))
  );
  const [{ labels, modalities }] = sets;
  await fineTuned(models, {
    task: "segmentation",
    cases,
    modalities,
    labels,
    classes: [],
    base,
    work,
    cacheBytes: CACHE_BYTES,
    recipe: {
      preset: "auto",
      steps,
      seed: SEED,
      validation: "none",
      roi: [48, 48, 48],
      templates: false,
      lesionShare: 0.5,
      outputs: "fixed",
      mirroredWindows: false,
      // heads are the right way up; users lack some of the modalities
      augmentation: { ...STRONG_AUGMENTATION, mirror: ["x"], dropModality: { chance: 0.3 } },
      checkpointEverySteps: 500,
    },
    describe: ({ resolvedRecipe }, { seconds }) => ({
      name: "simulated-heads",
      licence: LICENCE,
      intendedUse: `A start for fine-tuning, trained on simulated heads alone. ${NOT_MEDICAL}`,
      note: `Trained on ${cases.length} simulated heads in ${resolvedRecipe.steps} updates and ${
        Math.round(seconds / 60)
      } minutes of two cores.`,
    }),
  });
}

/** The next version of brainmvp-lesions from such a network: its encoder and decoder, with the templates of its own base. */
export async function adoptHeads(models: string, from: string, note: string): Promise<void> {
  const manifest = await readPackage(from);
  await verifyPackage(from, manifest);
  const { formatVersion: _f, version: _v, files: _, quality: _q, inference, ...rest } = manifest;
  const { activation: _a, mirrored: _m, postprocessing: _p, ...windows } = inference;
  await publish(models, {
    ...rest,
    name: "brainmvp-lesions",
    task: "encoder",
    labels: [],
    inference: windows,
    provenance: { ...rest.provenance, note: `${rest.provenance.note} ${note}` },
    intendedUse: `An encoder and decoder to start a fine-tuning from, nothing to run by itself. ${NOT_MEDICAL}`,
  }, { source: join(from) });
}
