/** The experiments' patients: phantoms, made once in the work folder, and the shared real ones. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MODALITIES, type Modality } from "../../src/inference/mod.ts";
import { digestFile } from "../../src/registry/mod.ts";
import type { TrainingCase } from "../../src/train/mod.ts";
import { type PhantomDatasetOptions, writePhantomDataset } from "../_phantom_files.ts";
import { PHANTOM_MODALITIES } from "../phantom.ts";
import type { Cases } from "./finetuning.ts";

/** A set of phantoms; number n is the same whatever the count. */
export class Phantoms {
  readonly #options: PhantomDatasetOptions;
  readonly #root: string;

  constructor(workDirectory: string, options: PhantomDatasetOptions) {
    this.#options = options;
    const key = createHash("sha256").update(JSON.stringify(options)).digest("hex").slice(0, 16);
    this.#root = resolve(workDirectory, `phantoms-${key}`);
  }

  /** Patients `from` (from 0) up to before `to`. */
  cases(from: number, to: number): Cases {
    const { count: _, ...data } = this.#options;
    const ids = Array.from({ length: to - from }, (_, i) => phantomName(from + i));
    return {
      data: { phantoms: data },
      ids,
      open: async () => {
        await this.#write();
        return ids.map((id): TrainingCase => ({ id, patient: id, ...filesOf(join(this.#root, "cases", id)) }));
      },
    };
  }

  async #write(): Promise<void> {
    if (existsSync(this.#root)) return;
    await rm(`${this.#root}.part`, { recursive: true, force: true });
    await writePhantomDataset(`${this.#root}.part`, this.#options);
    await rename(`${this.#root}.part`, this.#root);
  }
}

const phantomName = (n: number) => `phantom${String(n + 1).padStart(3, "0")}`;

function filesOf(folder: string): Pick<TrainingCase, "images" | "label"> {
  return {
    images: Object.fromEntries(PHANTOM_MODALITIES.map((m) => [m, join(folder, `${m}.nii.gz`)])),
    label: join(folder, "label.nii.gz"),
  };
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
  return { data, ids, open: () => Promise.resolve(cases) };
}

/** One image of a patient, to be told its modality. */
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
