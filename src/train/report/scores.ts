/** Scores a network on prepared cases: Dice, HD95 and volumes, or ACC, AUC and F1. */
import { type Engine } from "../../engine/mod.ts";
import type { Graph } from "../../graph/mod.ts";
import {
  centreOf,
  cutOf,
  loadGraph,
  type ModelSpec,
  type RunWindow,
  slidingLogits,
  softmax,
  windowRunner,
} from "../../inference/mod.ts";
import { dice, hd95, volumeMl } from "../../metrics/mod.ts";
import { encodePng, overlay, sideBySide, sliceOf, spacingAffine, type Triple, voxelMl } from "../../volume/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import type { CaseVolumes } from "../data/labelled_cases.ts";

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
  readonly indices: readonly number[];
  readonly signal?: AbortSignal;
}

/** Scores `network` on some of the cases. */
export async function scoreCases(
  { engine, network, spec, cases, indices, signal }: EvaluateOptions,
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
          ? await scoreMask(run, volumes, { spec, signal })
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
  { channels, sizeVox, regions }: CaseVolumes,
  { spec, signal }: { spec: ModelSpec; signal?: AbortSignal },
): Promise<Pick<CaseScore, "labels" | "previewPng">> {
  const { labels, inference, preprocessing: { spacingMm } } = spec;
  const { logits } = await slidingLogits(run, { inputs: channels, sizeVox }, {
    ...inference,
    channels: labels.length,
    signal,
  });
  const voxels = sizeVox[0] * sizeVox[1] * sizeVox[2];
  const perVoxel = { voxelMl: voxelMl(spacingAffine(spacingMm)) };
  const cut = cutOf(inference.threshold);
  const masks = labels.map((_, c) =>
    Uint8Array.from(logits.subarray(c * voxels, (c + 1) * voxels), (v) => Number(v >= cut))
  );
  return {
    labels: labels.map(({ name }, c) => {
      const mask = masks[c], reference = regions[c];
      let both = 0, own = 0, other = 0;
      for (let v = 0; v < voxels; v++) {
        both += mask[v] & reference[v];
        own += mask[v];
        other += reference[v];
      }
      return {
        label: name,
        dice: finite(dice(mask, reference)),
        hd95Mm: finite(hd95(mask, reference, { sizeVox, spacingMm, empty: "nan" })),
        volumeMl: volumeMl(mask, perVoxel),
        referenceMl: volumeMl(reference, perVoxel),
        counts: [both, own, other],
      };
    }),
    previewPng: preview({
      image: channels[Math.max(0, spec.modalities.indexOf("flair"))],
      sizeVox,
      reference: union(regions),
      prediction: union(masks),
    }),
  };
}

const finite = (v: number) => (Number.isFinite(v) ? v : null);

function union(masks: readonly Uint8Array[]): Uint8Array {
  const out = masks[0].slice();
  for (const mask of masks.slice(1)) for (let v = 0; v < out.length; v++) out[v] |= mask[v];
  return out;
}

/** The slice with the most of the reference, or of the prediction where there is no reference. */
function preview(
  { image, sizeVox, reference, prediction }: {
    image: Float32Array;
    sizeVox: Triple;
    reference: Uint8Array;
    prediction: Uint8Array;
  },
): Uint8Array {
  const nz = sizeVox[2];
  const perSlice = new Uint32Array(nz);
  const shown = reference.includes(1) ? reference : prediction;
  for (let v = 0; v < shown.length; v++) perSlice[v % nz] += shown[v];
  const most = perSlice.reduce((a, b) => Math.max(a, b));
  const at = { axis: 2, index: most === 0 ? nz >> 1 : perSlice.indexOf(most) } as const;
  const { data, ...size } = sliceOf(image, sizeVox, at);
  const darkest = data.reduce((a, b) => Math.min(a, b));
  const slice = { ...size, data: data.map((v) => v === 0 ? darkest : v) }; // 0 is background (docs/method D.2)
  return encodePng(
    sideBySide([reference, prediction].map((mask) => overlay(slice, sliceOf(mask, sizeVox, at), { zoom: 2 }))),
  );
}

async function scoreClass(
  run: RunWindow,
  { channels, sizeVox, classTarget }: CaseVolumes,
  spec: ModelSpec,
): Promise<Partial<CaseScore>> {
  const { roi } = spec.inference;
  const probabilities = softmax(await run(centreOf(channels, sizeVox, roi), [1, channels.length, ...roi]));
  return { probabilities, classIndex: classTarget!.indexOf(1) };
}
