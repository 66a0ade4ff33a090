/** A data set's cases, pre-processed once, kept on disk, a few of them in memory: memory does not grow with their number. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { InferenceError, type ModelSpec, prepare, prepareLabel, readTemplate, templateFor } from "../inference/mod.ts";
import { resizeTrilinear, type Triple } from "../volume/mod.ts";
import type { CaseVolumes } from "./augment.ts";
import { writeWhole } from "./files.ts";
import { type TrainingCase, TrainingError } from "./types.ts";

/** Bytes of cases that are kept in memory. */
const CACHE_BYTES = 2 ** 31;

/** Labelled voxels remembered per case for lesion-aware crops. */
const MOST_LABELLED = 200_000;

export interface DatasetOptions {
  readonly cases: readonly TrainingCase[];
  readonly spec: ModelSpec;
  /** Folder of the base package, when its templates are used. */
  readonly templates: string | null;
  readonly directory: string;
  readonly onCase?: (done: number, total: number) => void;
}

/** Random access to prepared cases. */
export class PreparedCases {
  readonly #options: DatasetOptions;
  readonly #memory = new Map<number, CaseVolumes>();
  #bytes = 0;

  private constructor(options: DatasetOptions) {
    this.#options = options;
  }

  /**
   * Prepares every case that is not on disk yet.
   * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
   */
  static async open(options: DatasetOptions): Promise<PreparedCases> {
    await mkdir(options.directory, { recursive: true });
    const cases = new PreparedCases(options);
    for (let i = 0; i < options.cases.length; i++) {
      await cases.get(i);
      options.onCase?.(i + 1, options.cases.length);
    }
    return cases;
  }

  get length(): number {
    return this.#options.cases.length;
  }

  /** Case `i`, from memory, from disk, or prepared now. */
  async get(i: number): Promise<CaseVolumes> {
    const known = this.#memory.get(i);
    if (known !== undefined) {
      this.#memory.delete(i);
      this.#memory.set(i, known);
      return known;
    }
    const path = join(this.#options.directory, `${caseKey(this.#options, i)}.case`);
    const prepared = await readCase(path) ?? await this.#prepare(i, path);
    const volumes = { ...prepared, classTarget: classTarget(this.#options, i) };
    this.#remember(i, volumes);
    return volumes;
  }

  #remember(i: number, volumes: CaseVolumes): void {
    this.#memory.set(i, volumes);
    this.#bytes += sizeInBytes(volumes);
    for (const [old, other] of this.#memory) {
      if (this.#bytes <= CACHE_BYTES || this.#memory.size === 1) break;
      this.#memory.delete(old);
      this.#bytes -= sizeInBytes(other);
    }
  }

  async #prepare(i: number, path: string): Promise<CaseVolumes> {
    try {
      const volumes = await prepareCase(this.#options, this.#options.cases[i]);
      await writeCase(path, volumes);
      return volumes;
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error;
      throw new TrainingError("invalid-data", `Cannot train on case ${i + 1}: ${error.message}`, { cause: error });
    }
  }
}

async function prepareCase({ spec, templates }: DatasetOptions, { images, label }: TrainingCase): Promise<CaseVolumes> {
  const { preprocessing, modalities, labels } = spec;
  const prepared = await prepare({ spec, images });
  const { box, grid: { sizeVox } } = prepared;
  const under: Float32Array[] = [];
  for (const modality of templates === null ? [] : modalities) {
    const template = await readTemplate(templates!, modality);
    const uncropped = { sizeVox: prepared.uncroppedVox, affineRas: prepared.grid.affineRas };
    under.push(
      template === null
        ? new Float32Array(prepared.channels[0].length)
        : templateFor(template, { uncropped, box, spacingMm: preprocessing.spacingMm }).data,
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

/** Changes with anything that changes the prepared arrays. */
function caseKey({ cases, spec, templates }: DatasetOptions, i: number): string {
  const { images, label } = cases[i];
  const { modalities, labels, preprocessing, task, inference } = spec;
  const identity = JSON.stringify([images, label, modalities, labels, preprocessing, task, inference.roi, templates]);
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
  await writeWhole(path, text, ...[...channels, ...templates].map(bytes), ...regions);
}

/** A multiple of 4, so that the float arrays behind it are aligned. */
const HEADER_BYTES = 256;

async function readCase(path: string): Promise<CaseVolumes | null> {
  const file = await readFile(path).catch(() => null);
  if (file === null) return null;
  const { sizeVox, ...counts }: CaseHeader = JSON.parse(new TextDecoder().decode(file.subarray(0, HEADER_BYTES)));
  const voxels = sizeVox[0] * sizeVox[1] * sizeVox[2];
  const body = new Uint8Array(file.subarray(HEADER_BYTES)).buffer;
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

function sizeInBytes({ channels, templates, regions }: CaseVolumes): number {
  return [...channels, ...templates, ...regions].reduce((n, a) => n + a.byteLength, 0);
}
