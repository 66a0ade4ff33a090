/** Labelled cases, prepared once: channels, masks and templates on one grid. */
import {
  InferenceError,
  labelOnGrid,
  type Modality,
  type ModelSpec,
  normalisationOf,
  placedTemplate,
  prepare,
  type Prepared,
  readLabel,
  readTemplate,
  resizedChannels,
  type TemplateFit,
  templateFor,
  type TemplatePlacement,
  templatePlacement,
  type Warning,
} from "../../inference/mod.ts";
import { type GridImage, spacingOf } from "../../volume/mod.ts";
import { caseKey, CaseStore } from "./case_store.ts";
import type { Traits } from "./folds.ts";
import { type CaseVolumes, labelledIn, type LabelSize, packed, type StoredHeader, unpacked } from "./labelled_case.ts";
import { type TrainingCase, TrainingError } from "../types.ts";

export interface LabelledCases {
  readonly store: CaseStore<CaseVolumes>;
  /** The labels of each case; none in a classification. */
  readonly sizes: readonly (readonly LabelSize[])[];
  /** Where the templates lie in each case; null where nothing was measured. */
  readonly placements: readonly (TemplatePlacement | null)[];
}

/** Changes with the form of a stored case. */
const FORM = 3;

export interface LabelledCasesOptions {
  readonly cases: readonly TrainingCase[];
  readonly spec: ModelSpec;
  /** Folder of the base package whose templates are used; null: none are. */
  readonly templates: { readonly directory: string; readonly fit: TemplateFit } | null;
  readonly directory: string;
  /** Bytes of cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number;
  readonly onCase?: (done: number, total: number) => void;
  /** Reports what is odd about case `i` when it is prepared, not when it is read back. */
  readonly onWarning?: (i: number, warning: Warning) => void;
}

/**
 * Prepares every case that is not on disk yet.
 * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
 */
export async function openLabelledCases(options: LabelledCasesOptions): Promise<LabelledCases> {
  const { directory, cases, spec, templates, cacheBytes, onCase } = options;
  const { modalities, labels, preprocessing, task, inference } = spec;
  const settings = [FORM, modalities, labels, preprocessing, task, inference.roi, templates];
  const sizes: (readonly LabelSize[])[] = [], placements: (TemplatePlacement | null)[] = [];
  const store = await CaseStore.open<CaseVolumes, StoredHeader>({
    directory,
    keys: await Promise.all(
      cases.map((c, i) => caseKey(i, { files: { ...imagesOf(c, spec), label: c.label }, settings })),
    ),
    prepare: async (i) => {
      const { volumes, labels } = await prepareCase(options, i);
      sizes[i] = labels;
      placements[i] = volumes.placement;
      return { ...volumes, classTarget: classTarget(options, i) };
    },
    pack: (volumes, i) => packed(volumes, sizes[i]),
    unpack: (stored, i) => {
      sizes[i] = stored.header.labels;
      placements[i] = stored.header.placement;
      return unpacked(stored, classTarget(options, i));
    },
    cacheBytes,
    onCase,
  });
  return { store, sizes, placements };
}

/** What a case shows: its class, or the labels that it has voxels of on the network's grid. */
export function traitsOf({ className }: Pick<TrainingCase, "className">, sizes: readonly LabelSize[]): Traits {
  const shown = sizes.filter(({ gridMl }) => gridMl > 0).map(({ label }) => label);
  return new Set(className === undefined ? shown : [className]);
}

async function prepareCase(
  { cases, spec, templates, onWarning }: LabelledCasesOptions,
  i: number,
): Promise<{ volumes: CaseVolumes; labels: LabelSize[] }> {
  const { label } = cases[i];
  const { preprocessing, labels } = spec;
  const prepared = await prepare({ spec, images: imagesOf(cases[i], spec) });
  for (const warning of prepared.warnings) onWarning?.(i, warning);
  const { grid: { sizeVox, affineRas } } = prepared;
  const { under, placement } = templates === null
    ? { under: [], placement: null }
    : await templatesUnder(prepared, { spec, templates });
  if (spec.task === "classification") {
    const size = preprocessing.resize ?? spec.inference.roi;
    const volumes = {
      sizeVox: size,
      channels: resizedChannels(prepared, { preprocessing, size }),
      templates: under.length === 0
        ? []
        : resizedChannels({ channels: under, grid: prepared.grid }, { preprocessing, size }),
      regions: [],
      ...labelledIn([]),
      inside: new Uint8Array(),
      placed: null,
      placement,
    };
    return { volumes, labels: [] };
  }
  if (label === undefined) throw new InferenceError("missing-modality", "it has no label map");
  const map = await readLabel(label, prepared);
  const found = labelOnGrid(map, prepared.grid, labels);
  const regions = found.map(({ mask }) => mask);
  return {
    volumes: {
      sizeVox,
      channels: prepared.channels,
      templates: under,
      regions,
      ...labelledIn(regions),
      inside: prepared.inside,
      spacingMm: spacingOf(affineRas),
      placed: {
        affineRas,
        labelGrid: { sizeVox: map.sizeVox, affineRas: map.affineRas },
        slices: prepared.slices,
      },
      placement,
    },
    labels: found.map(({ mask: _, ...size }, k) => ({ label: labels[k].name, ...size })),
  };
}

/** The template under each channel, by the run's rule; none where they are laid by anatomy and do not fit. */
async function templatesUnder(
  { channels, grid, uncropped, box }: Prepared,
  { spec: { modalities, preprocessing }, templates: { directory, fit } }: {
    spec: ModelSpec;
    templates: NonNullable<LabelledCasesOptions["templates"]>;
  },
): Promise<{ under: Float32Array[]; placement: TemplatePlacement | null }> {
  const found = new Map<Modality, GridImage>();
  for (const [c, modality] of modalities.entries()) {
    const normalisation = normalisationOf(preprocessing, c);
    const template = await readTemplate(directory, modality, { fit, normalisation });
    if (template !== null) found.set(modality, template);
  }
  const laid = (lay: (template: GridImage) => Float32Array) =>
    modalities.map((m) => found.has(m) ? lay(found.get(m)!) : new Float32Array(channels[0].length));
  if (fit !== "registered") {
    const { spacingMm } = preprocessing;
    return { under: laid((t) => templateFor(t, { uncropped, box, spacingMm, fit }).data), placement: null };
  }
  const images = new Map(modalities.map((m, c) => [m, { ...grid, data: channels[c] }]));
  const placement = templatePlacement(images, found);
  return { under: placement.fits ? laid((t) => placedTemplate(t, grid, placement)) : [], placement };
}

/** The files of the model's modalities; a case may have more. */
function imagesOf({ images }: TrainingCase, { modalities }: ModelSpec): TrainingCase["images"] {
  return Object.fromEntries(modalities.flatMap((m) => (images[m] === undefined ? [] : [[m, images[m]]])));
}

/** The class of case `i` as a one-hot row; undefined in a segmentation. @throws {TrainingError} it is none of the classes */
export function classTarget(
  { cases, spec }: Pick<LabelledCasesOptions, "cases" | "spec">,
  i: number,
): Float32Array | undefined {
  if (spec.task !== "classification") return undefined;
  const at = spec.classes.indexOf(cases[i].className ?? "");
  if (at < 0) {
    throw new TrainingError(
      "invalid-data",
      `Cannot train on case ${i + 1}: expected a class among ${spec.classes.join(", ")}`,
    );
  }
  return Float32Array.from(spec.classes, (_, c) => Number(c === at));
}
