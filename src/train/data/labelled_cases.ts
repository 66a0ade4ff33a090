/** Labelled cases, prepared once: channels, masks and templates on one grid. */
import {
  InferenceError,
  type ModelSpec,
  prepare,
  prepareLabel,
  readTemplate,
  type TemplateFit,
  templateFor,
  type Warning,
} from "../../inference/mod.ts";
import { resizeTrilinear, type Triple } from "../../volume/mod.ts";
import { caseKey, CaseStore } from "./case_store.ts";
import type { Traits } from "./folds.ts";
import { type TrainingCase, TrainingError } from "../types.ts";

/** A case ready for cropping: arrays [X, Y, Z] of one size. */
export interface CaseVolumes {
  readonly sizeVox: Triple;
  readonly channels: readonly Float32Array[];
  /** The template that lies under each channel; empty where the run uses none. */
  readonly templates: readonly Float32Array[];
  /** Segmentation: one mask of 0 and 1 a label. Classification: empty. */
  readonly regions: readonly Uint8Array[];
  /** Flat indices of labelled voxels, so that crops can be drawn around them. */
  readonly labelled: Uint32Array;
  /** Classification: the class as a one-hot row. */
  readonly classTarget?: Float32Array;
}

/** One label of a case. */
export interface LabelFacts {
  readonly label: string;
  /** Voxels on the network's grid. */
  readonly voxels: number;
}

/** What is known of a case without its arrays. */
export interface CaseFacts {
  /** One a label; empty in a classification. */
  readonly labels: readonly LabelFacts[];
}

export interface LabelledCases {
  readonly store: CaseStore<CaseVolumes>;
  /** One entry a case. */
  readonly facts: readonly CaseFacts[];
}

/** Changes with the form of a stored case. */
const FORM = 2;

/** Labelled voxels remembered per case, at most; beyond it every n-th is kept. */
const MOST_LABELLED = 200_000;

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
  const facts: CaseFacts[] = [];
  const store = await CaseStore.open<CaseVolumes, StoredHeader>({
    directory,
    keys: await Promise.all(
      cases.map((c, i) => caseKey(i, { files: { ...imagesOf(c, spec), label: c.label }, settings })),
    ),
    prepare: async (i) => {
      const volumes = await prepareCase(options, i);
      facts[i] = factsOf(volumes, spec);
      return { ...volumes, classTarget: classTarget(options, i) };
    },
    pack: ({ sizeVox, channels, templates, regions }) => ({
      header: { channels: channels.length },
      sizeVox,
      floats: [...channels, ...templates],
      masks: regions,
    }),
    unpack: ({ header, sizeVox, floats, masks }, i) => {
      const volumes = {
        sizeVox,
        channels: floats.slice(0, header.channels),
        templates: floats.slice(header.channels),
        regions: masks,
        labelled: labelledVoxels(masks),
        classTarget: classTarget(options, i),
      };
      facts[i] = factsOf(volumes, spec);
      return volumes;
    },
    cacheBytes,
    onCase,
  });
  return { store, facts };
}

interface StoredHeader {
  readonly channels: number;
}

function factsOf({ regions }: Pick<CaseVolumes, "regions">, { labels }: ModelSpec): CaseFacts {
  return {
    labels: regions.map((mask, k) => ({ label: labels[k].name, voxels: mask.reduce((n, v) => n + v, 0) })),
  };
}

/** What a case shows: its class, or the labels that it has voxels of. */
export function traitsOf({ className }: Pick<TrainingCase, "className">, { labels }: CaseFacts): Traits {
  const shown = labels.filter(({ voxels }) => voxels > 0).map(({ label }) => label);
  return new Set(className === undefined ? shown : [className]);
}

async function prepareCase(
  { cases, spec, templates, onWarning }: LabelledCasesOptions,
  i: number,
): Promise<CaseVolumes> {
  const { label } = cases[i];
  const { preprocessing, modalities, labels } = spec;
  const prepared = await prepare({ spec, images: imagesOf(cases[i], spec) });
  for (const warning of prepared.warnings) onWarning?.(i, warning);
  const { box, grid: { sizeVox } } = prepared;
  const under: Float32Array[] = [];
  for (const modality of templates === null ? [] : modalities) {
    const { directory, fit } = templates!;
    const template = await readTemplate(directory, modality, fit);
    under.push(
      template === null
        ? new Float32Array(prepared.channels[0].length)
        : templateFor(template, { uncropped: prepared.uncropped, box, spacingMm: preprocessing.spacingMm, fit }).data,
    );
  }
  if (spec.task === "classification") {
    const size = preprocessing.resize ?? spec.inference.roi;
    const resized = (data: Float32Array) => resizeTrilinear(data, sizeVox, { size });
    return {
      sizeVox: size,
      channels: prepared.channels.map(resized),
      templates: under.map(resized),
      regions: [],
      labelled: labelledVoxels([]),
    };
  }
  if (label === undefined) throw new InferenceError("missing-modality", "it has no label map");
  const map = await prepareLabel(label, prepared);
  const regions = labels.map(({ value, sourceValues = [value] }) => {
    const wanted = new Set(sourceValues);
    return Uint8Array.from(map, (v) => Number(wanted.has(v)));
  });
  return { sizeVox, channels: prepared.channels, templates: under, regions, labelled: labelledVoxels(regions) };
}

/** The files of the model's modalities; a case may have more. */
function imagesOf({ images }: TrainingCase, { modalities }: ModelSpec): TrainingCase["images"] {
  return Object.fromEntries(modalities.flatMap((m) => (images[m] === undefined ? [] : [[m, images[m]]])));
}

function classTarget({ cases, spec }: LabelledCasesOptions, i: number): Float32Array | undefined {
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

function labelledVoxels(regions: readonly Uint8Array[]): Uint32Array {
  const found: number[] = [];
  const voxels = regions[0]?.length ?? 0;
  for (let v = 0; v < voxels; v++) if (regions.some((r) => r[v] !== 0)) found.push(v);
  const stride = Math.ceil(found.length / MOST_LABELLED) || 1;
  return Uint32Array.from(found.filter((_, i) => i % stride === 0));
}
