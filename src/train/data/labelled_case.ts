/** One labelled case, in memory and as its file holds it. Imports little, because threads that draw crops read it too. */
import type { LabelOnGrid, Prepared, TemplatePlacement } from "../../inference/mod.ts";
import { type Grid, spacingOf, type Triple } from "../../volume/mod.ts";
import type { StoredCase } from "./case_file.ts";

/** A case ready for cropping: arrays [X, Y, Z] of one size. */
export interface Croppable {
  readonly sizeVox: Triple;
  readonly channels: readonly Float32Array[];
  /** The template that lies under each channel; empty where the run uses none, or they do not fit the case. */
  readonly templates: readonly Float32Array[];
  /** Segmentation: one mask of 0 and 1 a label. Classification: empty. */
  readonly regions: readonly Uint8Array[];
  /** Flat indices of labelled voxels, so that crops can be drawn around them: of all regions together, and of each. */
  readonly labelled: Uint32Array;
  readonly labelledOf: readonly Uint32Array[];
  /** Lengths of a voxel's edges; absent where voxels are no boxes of space. */
  readonly spacingMm?: Triple;
  /** Classification: the class as a one-hot row. */
  readonly classTarget?: Float32Array;
}

/** A case with what its scores need. */
export interface CaseVolumes extends Croppable {
  /** Segmentation: 1 where the network may label. Classification: empty. */
  readonly inside: Uint8Array;
  /** Where the arrays lie, and the grid of the label's file; null in a classification. */
  readonly placed: Placed | null;
  /** Where the templates lie by anatomy; null where the run has none, or lays them otherwise. */
  readonly placement: TemplatePlacement | null;
}

export interface Placed {
  readonly affineRas: readonly number[];
  readonly labelGrid: Grid;
  /** The axis whose slices stay apart on the way to it. */
  readonly slices?: Prepared["slices"];
}

/** One label of a case, in its file and on the network's grid. */
export interface LabelSize extends Pick<LabelOnGrid, "fileMl" | "gridMl" | "components" | "outside"> {
  readonly label: string;
}

/** Labelled voxels remembered per case, at most, and of its labels apart; beyond it every n-th is kept. */
const MOST_LABELLED = 200_000;

/** What a case's file holds beside its arrays. */
export interface StoredHeader {
  readonly channels: number;
  readonly placed: Placed | null;
  readonly placement: TemplatePlacement | null;
  readonly labels: readonly LabelSize[];
}

/** A case for its file. */
export function packed(
  { sizeVox, channels, templates, regions, inside, placed, placement }: CaseVolumes,
  labels: readonly LabelSize[],
): StoredCase<StoredHeader> {
  return {
    header: { channels: channels.length, placed, placement, labels },
    sizeVox,
    floats: [...channels, ...templates],
    masks: placed === null ? [] : [...regions, inside],
  };
}

/** A case from its file, and its class in a classification. */
export function unpacked(
  { header, sizeVox, floats, masks }: StoredCase<StoredHeader>,
  classTarget: Float32Array | undefined,
): CaseVolumes {
  const regions = masks.slice(0, -1);
  return {
    sizeVox,
    channels: floats.slice(0, header.channels),
    templates: floats.slice(header.channels),
    regions,
    ...labelledIn(regions),
    inside: masks.at(-1) ?? new Uint8Array(),
    placed: header.placed,
    placement: header.placement,
    ...(header.placed !== null && { spacingMm: spacingOf(header.placed.affineRas) }),
    classTarget,
  };
}

/** The labelled voxels of a case. */
export function labelledIn(regions: readonly Uint8Array[]): Pick<Croppable, "labelled" | "labelledOf"> {
  const all = labelledVoxels(regions), labelled = thinned(all, MOST_LABELLED);
  if (regions.length === 1) return { labelled, labelledOf: [labelled] };
  const most = Math.ceil(MOST_LABELLED / regions.length);
  return { labelled, labelledOf: regions.map((region) => thinned(voxelsOf(region, all), most)) };
}

/** The voxels of any region, in their order. */
function labelledVoxels(regions: readonly Uint8Array[]): Uint32Array {
  const [first = new Uint8Array(), ...others] = regions;
  const inAny = others.length === 0 ? first : first.slice();
  for (const region of others) addTo(inAny, region);
  let count = 0;
  for (let v = 0; v < inAny.length; v++) count += inAny[v];
  const found = new Uint32Array(count);
  for (let v = 0, n = 0; v < inAny.length; v++) if (inAny[v] !== 0) found[n++] = v;
  return found;
}

/** Sets the voxels of a region too, four at a time: cases of many labels are read over and over. */
function addTo(mask: Uint8Array, region: Uint8Array): void {
  const aligned = region.byteOffset % 4 === 0 ? region : region.slice();
  const count = mask.length >> 2;
  const to = new Uint32Array(mask.buffer, mask.byteOffset, count),
    from = new Uint32Array(aligned.buffer, aligned.byteOffset, count);
  for (let i = 0; i < count; i++) to[i] |= from[i];
  for (let v = 4 * count; v < mask.length; v++) mask[v] |= region[v];
}

/** Those of the voxels that a region has. */
function voxelsOf(region: Uint8Array, voxels: Uint32Array): Uint32Array {
  const found = new Uint32Array(voxels.length);
  let count = 0;
  for (let i = 0; i < voxels.length; i++) if (region[voxels[i]] !== 0) found[count++] = voxels[i];
  return found.slice(0, count);
}

/** Every n-th of them, so that at most as many are left. */
function thinned(voxels: Uint32Array, most: number): Uint32Array {
  const stride = Math.ceil(voxels.length / most) || 1;
  return stride === 1
    ? voxels
    : Uint32Array.from({ length: Math.ceil(voxels.length / stride) }, (_, i) => voxels[i * stride]);
}
