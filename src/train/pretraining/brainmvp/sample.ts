/**
 * The samples of a pre-training step: patches, the masks that hide them, their place in the templates (docs/method B.1,
 * B.2.1). All randomness comes from the given stream.
 */
import { Random, sizeOf, type Tensor, tensor } from "../../../tensor/mod.ts";
import type { Modality } from "../../../inference/mod.ts";
import { cutWindow, perAxis, spacedSize, type Triple } from "../../../volume/mod.ts";
import { blockMask, cropStart, joined, keptBlocks } from "../../data/crops.ts";
import type { PretrainingVolumes } from "../../data/unlabelled_cases.ts";
import type { ResolvedBrainmvp } from "./settings.ts";

/** One patch and its two copies' parts. */
export interface PretrainingSample {
  readonly modality: Modality;
  /** [X, Y, Z] of the patch; `other` is the same place of another modality, zeros where the template stands in. */
  readonly image: Float32Array;
  readonly other: Float32Array;
  /** 1 where the template copy and the cross-modal copy show the patch. */
  readonly visible: readonly [Float32Array, Float32Array];
  readonly crossFromTemplate: boolean;
  /** True if the second copy's reconstruction counts. */
  readonly crossCounts: boolean;
  /** Interpolation weights from the template's voxels to the patch's, per axis: [roi, template]. */
  readonly windows: readonly [Float32Array, Float32Array, Float32Array];
}

export interface SampleOptions {
  readonly recipe: ResolvedBrainmvp;
  readonly random: Random;
  /** The case's modalities, in the order that was drawn once for the whole run. */
  readonly order: readonly Modality[];
  /** Place in the case's list, the same for a micro-batch; null: drawn for each sample. */
  readonly place: number | null;
  /** Both copies show the template. */
  readonly templateOnly: boolean;
}

/** Draws one sample. */
export function drawPretrainingSample(volumes: PretrainingVolumes, options: SampleOptions): PretrainingSample {
  const { recipe, random, templateOnly } = options;
  const { roi, mask } = recipe;
  const listed = listedModalities(options);
  const modality = listed[(options.place ?? random.integer(listed.length)) % listed.length];
  const others = [...new Set(listed)].filter((m) => m !== modality);
  const other = others.length === 0 ? null : others[random.integer(others.length)];
  const start = cropStart(volumes.sizeVox, { roi }, random);
  const cut = (m: Modality) =>
    cutWindow(volumes.channels[volumes.modalities.indexOf(m)], volumes.sizeVox, { start, size: roi });
  const visible = () => blockMask(keptBlocks(roi, { ...mask, random }), { roi, blockVox: mask.blockVox });
  const crossFromTemplate = templateOnly || other === null;
  return {
    modality,
    image: cut(modality),
    other: crossFromTemplate ? new Float32Array(sizeOf(roi)) : cut(other!),
    visible: [visible(), visible()],
    crossFromTemplate,
    crossCounts: templateOnly || other !== null,
    windows: templateWindows(volumes, start, recipe),
  };
}

/** The case's modalities, brought to the wanted number by leaving out and by repeating (docs/method B.2 row 21). */
function listedModalities({ recipe: { modalitiesPerCase: wanted }, random, order }: SampleOptions): Modality[] {
  if (wanted === null || wanted === order.length) return [...order];
  if (order.length > wanted) return random.shuffle([...order]).slice(0, wanted);
  return [...order, ...Array.from({ length: wanted - order.length }, () => order[random.integer(order.length)])];
}

/**
 * Where a patch that begins at voxel `start` lies in the templates: by anatomy, or the middle of the image on the middle of
 * the template (docs/method B.2 row 15, B.5). Voxels outside the template have no weights.
 */
export function templateWindows(
  volumes: Pick<PretrainingVolumes, "sizeVox" | "place">,
  start: Triple,
  { roi, spacingMm, templates }: Pick<ResolvedBrainmvp, "roi" | "spacingMm" | "templates">,
): [Float32Array, Float32Array, Float32Array] {
  const along = templateAxes(volumes, { spacingMm, templates });
  const window = (a: number) => {
    const extent = templates.sizeVox[a];
    const weights = new Float32Array(roi[a] * extent);
    for (let i = 0; along !== null && i < roi[a]; i++) {
      const at = along[a].from + (i + start[a]) * along[a].step;
      if (at < 0 || at > extent - 1) continue;
      const low = Math.floor(at);
      weights[i * extent + low] = 1 - (at - low);
      if (at > low) weights[i * extent + low + 1] = at - low;
    }
    return weights;
  };
  return [window(0), window(1), window(2)];
}

/** Along each axis: the template's voxel under an image's first one, and the way from one to the next; null: nowhere. */
export function templateAxes(
  { sizeVox, place }: Pick<PretrainingVolumes, "sizeVox" | "place">,
  { spacingMm, templates }: Pick<ResolvedBrainmvp, "spacingMm" | "templates">,
): readonly { readonly from: number; readonly step: number }[] | null {
  if (place === "nowhere") return null;
  const offset = templateOffset(sizeVox, { spacingMm, templates });
  return [0, 1, 2].map((a) => {
    const step = spacingMm[a] / templates.spacingMm[a];
    if (place === "middle") return { from: offset[a] * step, step };
    const unit = place.scale * templates.spacingMm[a];
    return { from: place.originMm[a] / unit + (templates.sizeVox[a] - 1) / 2, step: spacingMm[a] / unit };
  });
}

/** Voxels of an image's spacing between the first voxel of the templates and that of an image: ⌊(template − image)/2⌋. */
function templateOffset(
  sizeVox: Triple,
  { spacingMm, templates }: Pick<ResolvedBrainmvp, "spacingMm" | "templates">,
): Triple {
  const fine = spacedSize(templates.sizeVox, templates.spacingMm, spacingMm);
  return perAxis((axis) => Math.floor((fine[axis] - sizeVox[axis]) / 2));
}

/** Samples by template, those with most samples first; the order inside a template stays. */
export function grouped(samples: readonly PretrainingSample[]): PretrainingSample[][] {
  const groups = Map.groupBy(samples, (s) => s.modality);
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

/** The feeds of `pretrainingStep()` for samples in the order of its runs, without rates and weights. */
export function sampleFeeds(
  samples: readonly PretrainingSample[],
  { roi, templates }: Pick<ResolvedBrainmvp, "roi" | "templates">,
): Record<string, Tensor> {
  const n = samples.length;
  const volumes = (of: (s: PretrainingSample) => Float32Array) =>
    tensor("float32", [n, 1, ...roi], joined(samples.map(of)));
  const window = (a: 0 | 1 | 2) => {
    const shape = [roi[a], templates.sizeVox[a]];
    const parts = samples.map((s) => (a < 2 ? s.windows[a] : transposed(s.windows[a], shape)));
    return tensor("float32", [n, ...(a < 2 ? shape : shape.reverse())], joined(parts));
  };
  return {
    image: volumes((s) => s.image),
    other: volumes((s) => s.other),
    visible1: volumes((s) => s.visible[0]),
    visible2: volumes((s) => s.visible[1]),
    crossFromTemplate: tensor("float32", [n, 1, 1, 1, 1], samples.map((s) => Number(s.crossFromTemplate))),
    crossWeight: tensor("float32", [n], samples.map((s) => Number(s.crossCounts))),
    cropX: window(0),
    cropY: window(1),
    cropZ: window(2),
  };
}

/** The error of predicting each patch's own mean: its variance, averaged over the samples. */
export function meanPredictorError(samples: readonly PretrainingSample[]): number {
  return samples.reduce((sum, { image }) => {
    let mean = 0, square = 0;
    for (const v of image) mean += v;
    mean /= image.length;
    for (const v of image) square += (v - mean) ** 2;
    return sum + square / image.length;
  }, 0) / samples.length;
}

function transposed(data: Float32Array, [rows, columns]: readonly number[]): Float32Array {
  return Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
}
