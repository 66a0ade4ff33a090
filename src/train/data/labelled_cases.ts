/** The labelled cases of a data set, pre-processed once. */
import { readFile, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
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
import type { CaseVolumes } from "./augment.ts";
import { CaseCache } from "./case_cache.ts";
import { writeWhole } from "../../storage/mod.ts";
import { type TrainingCase, TrainingError } from "../types.ts";

/** Labelled voxels remembered per case for lesion-aware crops. */
const MOST_LABELLED = 200_000;

export interface DatasetOptions {
  readonly cases: readonly TrainingCase[];
  readonly spec: ModelSpec;
  /** Folder of the base package, when its templates are used. */
  readonly templates: { readonly directory: string; readonly fit: TemplateFit } | null;
  readonly directory: string;
  /** Bytes of cases that stay in memory; default 2 GiB. */
  readonly cacheBytes?: number;
  readonly onCase?: (done: number, total: number) => void;
  /** What was odd about case `i`; told when it is prepared, not when it is read back. */
  readonly onWarning?: (i: number, warning: Warning) => void;
}

/** Random access to prepared cases. */
export class PreparedCases {
  readonly #cases: CaseCache<CaseVolumes>;

  private constructor(cases: CaseCache<CaseVolumes>) {
    this.#cases = cases;
  }

  /**
   * Prepares every case that is not on disk yet.
   * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
   */
  static async open(options: DatasetOptions): Promise<PreparedCases> {
    const { directory, cases, cacheBytes, onCase } = options;
    const withClass = (i: number, volumes: CaseVolumes): CaseVolumes => ({
      ...volumes,
      classTarget: classTarget(options, i),
    });
    const cache = await CaseCache.open({
      directory,
      keys: await Promise.all(cases.map((_, i) => caseKey(options, i))),
      prepare: async (i) => withClass(i, await prepareCase(options, i)),
      write: writeCase,
      read: async (path, i) => {
        const found = await readCase(path);
        return found && withClass(i, found);
      },
      sizeInBytes,
      cacheBytes,
      onCase,
    });
    return new PreparedCases(cache);
  }

  get length(): number {
    return this.#cases.length;
  }

  /** Bytes of the cases in memory. */
  get bytesInMemory(): number {
    return this.#cases.bytesInMemory;
  }

  /** Case `i`, from memory, from disk, or prepared now. */
  get(i: number): Promise<CaseVolumes> {
    return this.#cases.get(i);
  }
}

async function prepareCase(
  { cases, spec, templates, onWarning }: DatasetOptions,
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
    const uncropped = { sizeVox: prepared.uncroppedVox, affineRas: prepared.grid.affineRas };
    under.push(
      template === null
        ? new Float32Array(prepared.channels[0].length)
        : templateFor(template, { uncropped, box, spacingMm: preprocessing.spacingMm, fit }).data,
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
      labelled: new Uint32Array(),
    };
  }
  if (label === undefined) throw new InferenceError("missing-modality", "it has no label map");
  const map = await prepareLabel(label, prepared, preprocessing);
  const regions = labels.map(({ value, sourceValues = [value] }) => {
    const wanted = new Set(sourceValues);
    return Uint8Array.from(map, (v) => Number(wanted.has(Math.round(v))));
  });
  return { sizeVox, channels: prepared.channels, templates: under, regions, labelled: labelledVoxels(regions) };
}

/** The files that are trained on; a case may have more. */
function imagesOf({ images }: TrainingCase, { modalities }: ModelSpec): TrainingCase["images"] {
  return Object.fromEntries(modalities.flatMap((m) => (images[m] === undefined ? [] : [[m, images[m]]])));
}

function classTarget({ cases, spec }: DatasetOptions, i: number): Float32Array | undefined {
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
  for (let v = 0; v < regions[0].length; v++) if (regions.some((r) => r[v] !== 0)) found.push(v);
  const stride = Math.ceil(found.length / MOST_LABELLED) || 1;
  return Uint32Array.from(found.filter((_, i) => i % stride === 0));
}

/**
 * Changes with anything that changes the prepared arrays; a file is known by its path, size and time of change.
 * @throws {TrainingError} `invalid-data`: a file is not there
 */
async function caseKey({ cases, spec, templates }: DatasetOptions, i: number): Promise<string> {
  const { label } = cases[i];
  const { modalities, labels, preprocessing, task, inference } = spec;
  const files = await Promise.all(
    Object.entries({ ...imagesOf(cases[i], spec), label }).filter(([, path]) => path !== undefined).map(
      async ([role, path]) => {
        const { size, mtimeMs } = await stat(path!).catch((cause) => {
          throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: its ${role} cannot be read`, {
            cause,
          });
        });
        return [role, path, size, mtimeMs];
      },
    ),
  );
  const identity = JSON.stringify([files, modalities, labels, preprocessing, task, inference.roi, templates]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 32);
}

interface CaseHeader {
  readonly sizeVox: Triple;
  readonly channels: number;
  readonly templates: number;
  readonly regions: number;
}

async function writeCase(path: string, { sizeVox, channels, templates, regions }: CaseVolumes): Promise<void> {
  const header: CaseHeader = {
    sizeVox,
    channels: channels.length,
    templates: templates.length,
    regions: regions.length,
  };
  const text = JSON.stringify(header).padEnd(HEADER_BYTES);
  const bytes = (a: Float32Array) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  await writeWhole(path, [text, ...[...channels, ...templates].map(bytes), ...regions]);
}

/** A multiple of 4, so that the float arrays behind it are aligned. */
const HEADER_BYTES = 256;

/** A case from disk; null where there is none or the file is damaged. */
async function readCase(path: string): Promise<CaseVolumes | null> {
  const file = await readFile(path).catch(() => null);
  const header = file && headerOf(file);
  if (header === null) return null;
  const { sizeVox, ...counts } = header;
  const voxels = sizeVox[0] * sizeVox[1] * sizeVox[2];
  const body = new Uint8Array(file!.subarray(HEADER_BYTES)).buffer;
  const floats = (from: number, n: number) =>
    Array.from({ length: n }, (_, i) => new Float32Array(body, (from + i) * voxels * 4, voxels));
  const channels = floats(0, counts.channels), templates = floats(counts.channels, counts.templates);
  const start = (counts.channels + counts.templates) * voxels * 4;
  const regions = Array.from({ length: counts.regions }, (_, i) => new Uint8Array(body, start + i * voxels, voxels));
  return {
    sizeVox,
    channels,
    templates,
    regions,
    labelled: regions.length === 0 ? new Uint32Array() : labelledVoxels(regions),
  };
}

function headerOf(file: Uint8Array): CaseHeader | null {
  let header: CaseHeader;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(0, HEADER_BYTES)));
  } catch {
    return null;
  }
  const { sizeVox: [x, y, z], channels, templates, regions } = header;
  return file.length === HEADER_BYTES + x * y * z * (4 * (channels + templates) + regions) ? header : null;
}

function sizeInBytes({ channels, templates, regions, labelled }: CaseVolumes): number {
  return [...channels, ...templates, ...regions, labelled].reduce((n, a) => n + a.byteLength, 0);
}
