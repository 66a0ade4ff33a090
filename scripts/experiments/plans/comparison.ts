/** A plan that compares variants: every variant with every seed at every place of an axis, by the same splits. */
import { budgetName, budgetsOf, type PlanOptions } from "../options.ts";
import type { Run } from "../runs/runs.ts";
import type { Metric, Plan, PlannedRow } from "../types.ts";
import type { Cases } from "../work/cases.ts";
import { type Encoder, freshEncoder, packagedEncoder, pretrainedEncoder } from "../work/encoders.ts";
import { CLASS_METRICS, classificationRow } from "../work/classes.ts";
import { classificationRun, type FinetuningRunOptions, segmentationRun } from "../work/finetuning.ts";
import { classificationPeer, type PeerRunOptions, segmentationPeer } from "../work/peer.ts";
import { QUALITY_METRICS, qualityRow, qualityRun } from "../work/quality.ts";
import { partsRun, unlabelledCases } from "../work/pretraining.ts";
import { segmentationMetrics, segmentationRow, type SegmentationTask } from "../work/scoring.ts";
import { type Ours, type Peer, type Variant, variantOf } from "../work/variants.ts";
import type { Modality, ModelSpec } from "../../../src/inference/mod.ts";

/** One place of a plan: patients to train on and to score, for each seed. */
export interface Place {
  /** "" where the plan has one place. */
  readonly at: string;
  /** Several splits make one row together: each of its test patients is left out once. */
  splits(seed: number): Promise<readonly { readonly train: Cases; readonly test: Cases }[]>;
}

/** What is learnt and how it is scored. */
export interface Work {
  readonly metrics: readonly Metric[];
  readonly notes: readonly string[];
  readonly combine: PlannedRow["combine"];
  ours(options: FinetuningRunOptions): Run;
  readonly peers: readonly Peer[];
  /** Of those that it has. */
  readonly peer?: (options: PeerRunOptions) => Promise<Run>;
  /** Changes of the base's spec that suit the task. */
  readonly changes?: (spec: ModelSpec) => Partial<ModelSpec>;
}

export interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly notes: readonly string[];
  readonly work: Work;
  readonly places: readonly Place[];
  /** The axis of several places; null: they are named. */
  readonly xName: string | null;
}

/** Work of a segmentation. */
export const segmentationWork = (task: SegmentationTask): Work => ({
  metrics: segmentationMetrics(task.regions),
  notes: [
    "Dice and HD95 are means over regions and test patients, on each file's own grid. An empty prediction has Dice 0 and " +
    "no HD95.",
  ],
  combine: segmentationRow,
  ours: (options) => segmentationRun(options, task),
  peers: ["resunet", "dynunet"],
  peer: (options) => segmentationPeer(options, task),
});

/** Work of a segmentation whose quality scores are compared with the truth; peers have none. */
export const qualityWork = (task: SegmentationTask): Work => ({
  metrics: QUALITY_METRICS,
  notes: [],
  combine: qualityRow,
  ours: (options) => qualityRun(options, task),
  peers: [],
});

/** Work of a classification: one image a case. */
export function classificationWork(
  { channel, classes, changes }: { channel: Modality; classes: readonly string[] } & Pick<Work, "changes">,
): Work {
  return {
    metrics: CLASS_METRICS,
    notes: ["The figures are over all held-out images; a patient's is the share of its images that are recognised."],
    combine: (results) => classificationRow(results, classes),
    ours: (options) => classificationRun(options, { channel, classes }),
    peers: ["densenet"],
    peer: (options) => classificationPeer(options, { channel, classes }),
    changes,
  };
}

/** Rows in the order of places, seeds and variants; the baseline is `scratch`, or else the first variant. */
export async function comparison(own: Comparison, options: PlanOptions): Promise<Plan> {
  const variants = options.variants.map(variantOf), { budget, curve, seeds } = options;
  if (curve && own.places.length > 1) {
    throw new RangeError(`expected one place for a curve over time, got ${own.places.length}`);
  }
  const { work } = own;
  const stranger = variants.find((v) => v.kind === "peer" && !work.peers.includes(v.peer));
  if (stranger !== undefined) {
    const known = ["ours", ...work.peers.map((p) => `peer-${p}`)].join(" or ");
    throw new RangeError(`expected variants of ${known} for ${own.name}, got ${stranger.name}`);
  }
  const encoder = await encodersOf(variants, options, work.changes);
  const budgets = budgetsOf(options);
  const rows: PlannedRow[] = [];
  for (const place of own.places) {
    for (const budget of budgets) {
      for (const seed of seeds) {
        const splits = await place.splits(seed);
        for (const variant of variants) {
          const at = curve ? String("updates" in budget ? budget.updates : budget.seconds) : place.at;
          const name = [variant.name, at, `seed ${seed}`].filter((s) => s !== "").join(", ");
          const runs: Run[] = [];
          for (const [i, { train, test }] of splits.entries()) {
            const title = splits.length === 1 ? name : `${name}, ${i + 1} of ${splits.length}`;
            const common = { title, seed, budget, train, test };
            if (variant.kind === "ours") runs.push(work.ours({ ...common, variant, encoder: encoder(variant, seed) }));
            else runs.push(await work.peer!({ ...common, peer: variant.peer, python: options.python }));
          }
          rows.push({ variant: variant.name, at, seed, runs, combine: work.combine });
        }
      }
    }
  }
  const clock = "updates" in budget
    ? `${budget.updates} updates`
    : `${budget.seconds} seconds on ${budget.on.threads} threads (${budget.on.provider})`;
  const xName = curve ? ("updates" in budget ? "updates" : "seconds") : own.xName;
  return {
    name: [own.name, budgetName(budget), ...(curve ? ["curve"] : []), ...(partName(options))].join("-"),
    title: own.title,
    notes: [...own.notes, ...commonNotes(variants, clock, options), ...work.notes],
    settings: { ...options, data: undefined, python: undefined, base: encoder.settings },
    metrics: work.metrics,
    baseline: baselineOf(variants),
    chart: xName === null ? { kind: "bars" } : { kind: "lines", xName, axis: curve ? "seconds" : "patients" },
    rows,
  };
}

export function baselineOf(variants: readonly Pick<Variant, "name">[]): string {
  return variants.find(({ name }) => name === "scratch")?.name ?? variants[0].name;
}

/** A validation split is named in the file, so that nobody takes it for the test part. */
export const partName = ({ part }: Pick<PlanOptions, "part">) => part === "test" ? [] : [`fold${part.fold}`];

/** The start of each variant of ours. */
async function encodersOf(variants: readonly Variant[], options: PlanOptions, changes: Work["changes"] = () => ({})) {
  const starts = variants.flatMap((v) => v.kind === "ours" ? [v.start] : []);
  const packaged = starts.length > 0 ? await packagedEncoder(options.base) : null;
  const changed = packaged && await packagedEncoder(options.base, changes(packaged.spec));
  const unlabelled = starts.some((s) => typeof s === "object") ? await unlabelledCases(options) : null;
  const { updates } = options.pretraining;
  const encoder = ({ start }: Ours, seed: number): Encoder =>
    start === "package"
      ? changed!
      : start === "fresh"
      ? freshEncoder(changed!.spec, seed)
      : pretrainedEncoder(partsRun(start, unlabelled!, { seed, updates }), changes);
  return Object.assign(encoder, { settings: changed?.settings ?? null });
}

function commonNotes(
  variants: readonly Variant[],
  clock: string,
  { part, budget, pretraining }: PlanOptions,
): string[] {
  const hasParts = variants.some((v) => v.kind === "ours" && typeof v.start === "object");
  const peers = variants.some((v) => v.kind === "peer");
  return [
    part === "test"
      ? "Scored on the test part: nothing was chosen on it, but for what is said here."
      : `Scored on fold ${part.fold} of the training part: settings may be chosen by it. The test part was not read.`,
    `Every variant trains for ${clock}.`,
    ...("updates" in budget ? [] : [
      "For our variants that is the whole training: preparing the cases, folds if it has some, the updates and its own " +
      "report. The probe that turns the time into updates is not counted.",
    ]),
    ...(peers
      ? [
        "Peers train on the same threads, reading their files is not counted: MONAI's residual U-Net, DynUNet with " +
        "nnU-Net's optimizer, schedule, deep supervision and augmentation as far as MONAI has it, or DenseNet121.",
      ]
      : []),
    ...(hasParts
      ? [
        `Variants of cmr, md and mcl start from pre-trainings of ${pretraining.updates} updates each, on the unlabelled ` +
        `volumes of four patients and ${pretraining.simulated} simulated heads; a part that is off has weight 0. Their time ` +
        "is not in the budget.",
      ]
      : []),
    "The seed decides which patients are labelled, where not all are, the fresh weights and all draws.",
  ];
}
