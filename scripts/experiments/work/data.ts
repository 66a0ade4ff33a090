/** The experiments' patients: phantoms, each made by a run of its own, and the shared real ones. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MODALITIES, type Modality } from "../../../src/inference/mod.ts";
import { digestFile } from "../../../src/storage/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import { writePhantomDataset } from "../../phantoms/files.ts";
import { PHANTOM_MODALITIES, type PhantomOptions } from "../../phantoms/phantom.ts";
import type { Cases } from "./finetuning.ts";
import type { Run } from "../runs/runs.ts";

/** Phantoms from `options.seed` on; number n is the same whatever the count. */
export class Phantoms {
  readonly #runs: readonly Run[];
  readonly #data: unknown;

  constructor({ count, ...options }: PhantomOptions & { readonly count: number }) {
    this.#data = { phantoms: options };
    this.#runs = Array.from({ length: count }, (_, n) => phantomRun({ ...options, seed: options.seed + n }));
  }

  /** Patients `from` (from 0) up to before `to`. */
  cases(from: number, to: number): Cases {
    const needs = this.#runs.slice(from, to);
    const ids = needs.map((_, i) => `phantom${String(from + i + 1).padStart(3, "0")}`);
    return {
      data: this.#data,
      ids,
      needs,
      open: (runs) =>
        needs.map((run, i): TrainingCase => ({ id: ids[i], patient: ids[i], ...filesOf(runs.outputOf(run)) })),
    };
  }
}

/** Makes one phantom. */
function phantomRun(options: PhantomOptions): Run {
  return {
    kind: "phantom",
    title: `phantom ${options.seed}`,
    settings: options,
    needs: [],
    keepsOutput: true,
    async execute({ outputDirectory }) {
      await writePhantomDataset(outputDirectory, { ...options, count: 1 });
      return {};
    },
  };
}

/** The case of the one phantom in a data set. */
function filesOf(dataset: string): Pick<TrainingCase, "images" | "label"> {
  const path = (name: string) => join(dataset, "cases", "phantom001", `${name}.nii.gz`);
  return { images: Object.fromEntries(PHANTOM_MODALITIES.map((m) => [m, path(m)])), label: path("label") };
}

/** Real patients of `<folder>/<patient>/{t1,…,lesion}.nii.gz`, known by their files' contents. */
export async function labelledPatients(folder: string, ids: readonly string[]): Promise<Cases> {
  const cases: TrainingCase[] = [];
  const data: string[] = [];
  for (const id of ids) {
    const path = (name: string) => resolve(folder, id, `${name}.nii.gz`);
    const images = Object.fromEntries(PHANTOM_MODALITIES.map((m) => [m, path(m)]));
    cases.push({ id, patient: id, images, label: path("lesion") });
    for (const file of [...Object.values(images), path("lesion")]) data.push((await digestFile(file)).sha256);
  }
  return { data, ids, needs: [], open: () => cases };
}

/** One image of a patient, whose modality is to be recognised. */
export interface SingleImage extends TrainingCase {
  readonly className: Modality;
}

/** Every image below `<folder>/<patient>[_study]/<modality>.nii.gz` of these modalities, as a case of its own. */
export async function singleImages(
  folder: string,
  { channel, classes }: { channel: Modality; classes: readonly Modality[] },
): Promise<SingleImage[]> {
  const found: SingleImage[] = [];
  for (const study of (await readdir(folder)).sort()) {
    const patient = study.replace(/_study\d+$/, "");
    for (const m of MODALITIES.filter((m) => classes.includes(m))) {
      const path = resolve(folder, study, `${m}.nii.gz`);
      if (existsSync(path)) found.push({ id: `${study}/${m}`, patient, images: { [channel]: path }, className: m });
    }
  }
  return found;
}

/** Every image of whole cases as a case of its own, under the one channel that a classifier has. */
export function imagesOf(cases: readonly TrainingCase[], channel: Modality): SingleImage[] {
  return cases.flatMap(({ id, patient, images }) =>
    (Object.entries(images) as [Modality, string][]).map(([m, path]) => ({
      id: `${id}/${m}`,
      patient,
      images: { [channel]: path },
      className: m,
    }))
  );
}
