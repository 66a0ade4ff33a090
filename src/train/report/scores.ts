/**
 * Scores a network on prepared cases: Dice, HD95 and volumes on the grid of each label's file, as a user sees them, or
 * probabilities of classes.
 */
import { type Engine } from "../../engine/mod.ts";
import type { Graph } from "../../graph/mod.ts";
import {
  centreOf,
  classificationRecord,
  loadGraph,
  logitsOnto,
  type ModelSpec,
  postprocess,
  readLabelMap,
  Regions,
  type RunWindow,
  segmentationRecord,
  slidingSettings,
  windowRunner,
} from "../../inference/mod.ts";
import { dice, hd95, volumeMl } from "../../metrics/mod.ts";
import {
  encodePng,
  type Grid,
  overlay,
  sampleOnto,
  sideBySide,
  sliceOf,
  spacingOf,
  toRas,
  voxelMl,
  voxelsOf,
} from "../../volume/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import type { CaseVolumes } from "../data/labelled_cases.ts";
import type { TrainingCase } from "../types.ts";

/** One label of one case. */
export interface LabelScore {
  readonly label: string;
  /** NaN is null: the reference has no such voxel. */
  readonly dice: number | null;
  readonly hd95Mm: number | null;
  readonly volumeMl: number;
  readonly referenceMl: number;
  /** Voxels in both, in the prediction, in the reference. */
  readonly counts: readonly [number, number, number];
  /** The network was trained on no case with this label: its figures mean nothing. */
  readonly unlearnt?: true;
}

export interface CaseScore {
  /** Index among the request's cases. */
  readonly case: number;
  readonly labels?: readonly LabelScore[];
  readonly probabilities?: readonly number[];
  readonly classIndex?: number;
  /** The network was trained on no case of this class, or on this class alone. */
  readonly unlearnt?: true;
  /** A slice with most labelled voxels: the reference's outline on the left, the prediction's on the right; PNG. */
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
  const { reader, exclusive } = segmentationRecord(inference), { labelsOf } = reader(spec);
  const own = new Uint8Array(labels.length);
  const located = { channels, grid, inside, slices: placed!.slices };
  await logitsOnto(run, located, { ...slidingSettings(spec), signal, target }, (voxel, values) => {
    const count = labelsOf(values, own);
    for (let i = 0; i < count; i++) found.add(voxel, own[i]);
  });
  const perVoxel = { voxelMl: voxelMl(target.affineRas) }, spacingMm = spacingOf(target.affineRas);
  postprocess(found, {
    ...perVoxel,
    sizeVox: target.sizeVox,
    labels,
    steps: inference.postprocessing ?? [],
    exclusive,
  });
  const { data } = await readLabelMap(label);
  const image = channels[Math.max(0, spec.modalities.indexOf("flair"))];
  const all = { prediction: new Uint8Array(voxels), reference: new Uint8Array(voxels) };
  return {
    labels: labels.map(({ name, value, sourceValues = [value] }, c) => {
      const wanted = new Set(sourceValues);
      const mask = found.maskOf(c), reference = Uint8Array.from(data, (v) => Number(wanted.has(v)));
      let both = 0, own = 0, other = 0;
      for (let v = 0; v < voxels; v++) {
        both += mask[v] & reference[v];
        own += mask[v];
        other += reference[v];
        all.prediction[v] |= mask[v];
        all.reference[v] |= reference[v];
      }
      return {
        label: name,
        dice: finite(dice(mask, reference)),
        hd95Mm: finite(hd95(mask, reference, { sizeVox: target.sizeVox, spacingMm, empty: "nan" })),
        volumeMl: volumeMl(mask, perVoxel),
        referenceMl: volumeMl(reference, perVoxel),
        counts: [both, own, other],
      };
    }),
    previewPng: preview({
      image: sampleOnto({ ...grid, data: image }, target, { interpolation: "linear" }),
      grid: target,
      ...all,
    }),
  };
}

const finite = (v: number) => (Number.isFinite(v) ? v : null);

/** The axial slice with the most of the reference, or of the prediction where there is no reference. */
function preview(
  { image, grid, reference, prediction }: {
    image: Float32Array;
    grid: Grid;
    reference: Uint8Array;
    prediction: Uint8Array;
  },
): Uint8Array {
  const turned = (data: Float32Array | Uint8Array) => toRas({ ...grid, data: Float32Array.from(data) });
  const { data: background, sizeVox } = turned(image);
  const masks = [reference, prediction].map((mask) => Uint8Array.from(turned(mask).data));
  const nz = sizeVox[2];
  const perSlice = new Uint32Array(nz);
  const shown = masks[0].includes(1) ? masks[0] : masks[1];
  for (let v = 0; v < shown.length; v++) perSlice[v % nz] += shown[v];
  const most = perSlice.reduce((a, b) => Math.max(a, b));
  const at = { axis: 2, index: most === 0 ? nz >> 1 : perSlice.indexOf(most) } as const;
  const { data, ...size } = sliceOf(background, sizeVox, at);
  const darkest = data.reduce((a, b) => Math.min(a, b));
  const slice = { ...size, data: data.map((v) => v === 0 ? darkest : v) }; // 0 is background (docs/method D.2)
  return encodePng(sideBySide(masks.map((mask) => overlay(slice, sliceOf(mask, sizeVox, at), { zoom: 2 }))));
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
