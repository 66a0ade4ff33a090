/**
 * Scores a network on prepared cases: Dice, HD95, volumes and lesions on the grid of each label's file, as a user sees them,
 * or probabilities of classes.
 */
import { type Engine } from "../../engine/mod.ts";
import type { Graph } from "../../graph/mod.ts";
import {
  answerReader,
  centreOf,
  classificationRecord,
  labelScore,
  loadGraph,
  logitsOnto,
  type ModelSpec,
  postprocess,
  Regions,
  type RunWindow,
  segmentationRecord,
  slidingSettings,
  windowRunner,
} from "../../inference/mod.ts";
import { voxelMl, voxelsOf } from "../../volume/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import type { CaseVolumes } from "../data/labelled_case.ts";
import type { TrainingCase } from "../types.ts";
import { boxOf, type LabelScore, scoreLabel } from "./scoring/label_score.ts";
import { addMarks, emptyMarks, preview } from "./scoring/preview.ts";
import { Probabilities } from "./scoring/probabilities.ts";
import { Reference } from "./scoring/reference.ts";

export type { LabelScore } from "./scoring/label_score.ts";

export interface CaseScore {
  /** Index among the request's cases. */
  readonly case: number;
  readonly labels?: readonly LabelScore[];
  readonly probabilities?: readonly number[];
  readonly classIndex?: number;
  /** The network was trained on no case of this class, or on this class alone. */
  readonly unlearnt?: true;
  /** The slice in which they differ most: the reference's outline on the left, the prediction's on the right; PNG. */
  readonly previewPng?: Uint8Array;
}

export interface EvaluateOptions {
  readonly engine: Engine;
  readonly network: Graph;
  readonly spec: ModelSpec;
  readonly cases: CaseStore<CaseVolumes>;
  /** The label map's file of case `i`. */
  readonly labelOf: (i: number) => TrainingCase["label"];
  readonly indices: readonly number[];
  readonly signal?: AbortSignal;
}

/** Scores `network` on some of the cases. */
export async function scoreCases(
  { engine, network, spec, cases, labelOf, indices, signal }: EvaluateOptions,
): Promise<CaseScore[]> {
  const session = await loadGraph(engine, network);
  try {
    const run = windowRunner(session);
    const scores: CaseScore[] = [];
    for (const i of indices) {
      const volumes = await cases.get(i);
      scores.push({
        case: i,
        ...(spec.task === "segmentation"
          ? await scoreMask(run, volumes, { label: labelOf(i)!, spec, signal })
          : await scoreClass(run, volumes, spec)),
      });
    }
    return scores;
  } finally {
    await session.release();
  }
}

async function scoreMask(
  run: RunWindow,
  { channels, sizeVox, inside, placed }: CaseVolumes,
  { label, spec, signal }: { label: string; spec: ModelSpec; signal?: AbortSignal },
): Promise<Pick<CaseScore, "labels" | "previewPng">> {
  const { labels, inference } = spec;
  const grid = { sizeVox, affineRas: placed!.affineRas }, target = placed!.labelGrid;
  const voxels = voxelsOf(target.sizeVox), found = new Regions(voxels, labels.length);
  const { exclusive } = segmentationRecord(inference);
  const take = (voxel: number, own: Uint8Array, count: number) => {
    for (let i = 0; i < count; i++) found.add(voxel, own[i]);
  };
  const { visit, tally } = answerReader({ spec, passes: 0, take });
  const located = { channels, grid, inside, slices: placed!.slices };
  const reference = await Reference.read(label, labels);
  const probabilities = new Probabilities({ spec, grid: target, reference });
  await logitsOnto(run, located, { ...slidingSettings(spec), signal, target }, (voxel, values) => {
    visit(voxel, values);
    probabilities.add(voxel, values);
  });
  const trust = tally?.sums().map(labelScore);
  postprocess(found, {
    voxelMl: voxelMl(target.affineRas),
    sizeVox: target.sizeVox,
    labels,
    steps: inference.postprocessing ?? [],
    exclusive,
  });
  const image = channels[Math.max(0, spec.modalities.indexOf("flair"))];
  const marks = emptyMarks(voxels);
  const scores = labels.map(({ name }, c): LabelScore => {
    const masks = { prediction: found.maskOf(c), reference: reference.maskOf(c) };
    const box = boxOf([masks.prediction, masks.reference], target.sizeVox);
    const { score, matches } = scoreLabel(name, { ...masks, grid: target, box });
    addMarks(marks, matches, { grid: target, box });
    const wide = probabilities.marked.length === 0
      ? box
      : boxOf([probabilities.marked[c], masks.reference], target.sizeVox);
    return {
      ...score,
      ...(trust && { score: trust[c] }),
      reliability: probabilities.reliabilityOf(c),
      choices: probabilities.choicesOf(c, { ...masks, box: wide, lesions: matches.reference.sizes }),
    };
  });
  return { labels: scores, previewPng: preview({ ...grid, data: image }, marks, target) };
}

async function scoreClass(
  run: RunWindow,
  { channels, sizeVox, classTarget }: CaseVolumes,
  spec: ModelSpec,
): Promise<Partial<CaseScore>> {
  const { classes, inference } = spec, { roi } = inference;
  const outputs = await run(centreOf(channels, sizeVox, roi), [1, channels.length, ...roi]);
  const { values: probabilities } = classificationRecord(inference).read(outputs, classes.length);
  return { probabilities, classIndex: classTarget!.indexOf(1) };
}
