/**
 * The phantom lesion task that two experiments share: fixed patients for pre-training (without labels), training and
 * test, the encoder, and the variants of its pre-training (the paper's Table 4: parts added one after the other).
 */
import { EDGE } from "../../../src/nets/mod.ts";
import type { PretrainingRecipe, Recipe, ResolvedBrainmvp } from "../../../src/train/mod.ts";
import type { Triple } from "../../../src/volume/mod.ts";
import { Phantoms } from "../work/data.ts";
import { type Encoder, encoderSpec, freshEncoder, pretrainedEncoder, pretrainingRun } from "../work/encoders.ts";
import { segmentationRun } from "../work/finetuning.ts";
import type { Run } from "../runs/runs.ts";

export interface PhantomTask {
  readonly network: ResolvedBrainmvp["network"];
  readonly roi: Triple;
  readonly sizeVox: Triple;
  readonly spacingMm: Triple;
  /** Noise over the signal of white matter. */
  readonly noise: number;
  readonly lesions: number;
  /** Seed of the first phantom: the patients are the same for every seed of an experiment. */
  readonly firstPhantom: number;
  readonly patients: { readonly unlabelled: number; readonly labelled: number; readonly test: number };
  readonly pretrainingSteps: number;
  readonly steps: number;
}

const { outChannels: _o, multiScale: _m, ...EDGE_ENCODER } = EDGE;

/** About a core-hour for both experiments, so coarse voxels and small crops rather than fewer seeds or variants. */
export const PHANTOM_TASK: PhantomTask = {
  network: { kind: "uniformer-pretraining", config: { ...EDGE_ENCODER, inChannels: 1 } },
  roi: [32, 32, 32],
  sizeVox: [64, 64, 64],
  spacingMm: [3, 3, 3],
  noise: 0.3,
  lesions: 8,
  firstPhantom: 1000,
  patients: { unlabelled: 16, labelled: 5, test: 6 },
  pretrainingSteps: 500,
  steps: 200,
};

/** Seconds instead of a core-hour: a tiny network, and nothing is learnt. */
export const SMOKE_PHANTOM_TASK: PhantomTask = {
  ...PHANTOM_TASK,
  network: {
    kind: "uniformer-pretraining",
    config: { inChannels: 1, widths: [8, 8, 16, 16], depths: [1, 1, 1, 1], headDim: 8, mlpRatio: 2, stemWidth: 8 },
  },
  roi: [32, 32, 32],
  sizeVox: [32, 32, 32],
  spacingMm: [6, 6, 6],
  lesions: 4,
  patients: { unlabelled: 2, labelled: 2, test: 1 },
  pretrainingSteps: 2,
  steps: 2,
};

/** The parts of the pre-training that a variant has; null: none, fresh weights. */
export interface Variant {
  readonly name: string;
  readonly weights: ResolvedBrainmvp["weights"] | null;
  /** The fine-tune has two views with templates; without distillation no template was learnt. */
  readonly templates: boolean;
}

export const SCRATCH: Variant = { name: "scratch", weights: null, templates: false };
export const FULL: Variant = { name: "+CMR+MD+MCL", weights: { cmr: 1, md: 1, contrast: 0.1 }, templates: true };
export const VARIANTS: readonly Variant[] = [
  SCRATCH,
  { name: "+CMR", weights: { cmr: 1, md: 0, contrast: 0 }, templates: false },
  { name: "+CMR+MD", weights: { cmr: 1, md: 1, contrast: 0 }, templates: true },
  FULL,
  { name: `${FULL.name} (one view)`, weights: FULL.weights, templates: false },
];

/** Notes on the task for the page. */
export const taskNotes = ({ sizeVox, spacingMm, roi }: PhantomTask) => [
  `Small on purpose: phantoms of ${sizeVox.join("×")} voxels of ${spacingMm[0]} mm, crops of ${
    roi.join("×")
  }, and few ` +
  "updates, so that all runs together take about an hour of one core. Longer pre-training on more patients " +
  "may give other results.",
  "Phantoms are easier than patients and all come from one generator; results on them need not hold for patients.",
  "Patients are the same for every seed; the seed decides the weights that a run starts from and all its draws.",
  "Every fine-tune has the same number of updates. One with templates trains two views of each crop, so it takes about " +
  "twice the time of one without.",
  "A part of the pre-training that is off has weight 0: its copies still pass through the network and count for the " +
  "statistics of its normalisation.",
  "Dice and HD95 are means over the test patients. An empty prediction has Dice 0 and no HD95.",
];

/** The task's runs, with everything they need. */
export class PhantomRuns {
  readonly #task: PhantomTask;
  readonly #phantoms: Phantoms;

  constructor(task: PhantomTask) {
    const { sizeVox, spacingMm, noise, lesions, firstPhantom: seed, patients } = task;
    const count = patients.unlabelled + patients.labelled + patients.test;
    this.#task = task;
    this.#phantoms = new Phantoms({ seed, sizeVox, spacingMm, noise, lesions, count });
  }

  #encoder({ name, weights }: Variant, seed: number): Encoder {
    const { network, roi, spacingMm, pretrainingSteps: steps, patients } = this.#task;
    if (weights === null) return freshEncoder(encoderSpec({ network, roi, spacingMm }), seed);
    const recipe: PretrainingRecipe = {
      preset: "edge",
      network,
      roi,
      spacingMm,
      steps,
      seed,
      weights,
      templates: { sizeVox: this.#task.sizeVox, spacingMm },
      checkpointEverySteps: 50,
    };
    return pretrainedEncoder(pretrainingRun({
      title: `pre-training ${name}, seed ${seed}`,
      cases: this.#phantoms.cases(0, patients.unlabelled),
      recipe,
    }));
  }

  /** A fine-tune on the first `labelled` of the labelled patients, scored on the test patients. */
  finetuning(variant: Variant, { seed, labelled }: { seed: number; labelled: number }): Run {
    const { patients, roi, steps } = this.#task;
    const first = patients.unlabelled, test = first + patients.labelled;
    const recipe: Recipe = { preset: "edge", roi, steps, seed, templates: variant.templates };
    return segmentationRun({
      title: `${variant.name}, ${labelled} labelled, seed ${seed}`,
      encoder: this.#encoder(variant, seed),
      train: this.#phantoms.cases(first, first + labelled),
      test: this.#phantoms.cases(test, test + patients.test),
      recipe,
    });
  }
}
