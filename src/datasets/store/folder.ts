/** Reads a folder or archive in one of the data-set layouts. Records nothing, and copies nothing of a folder. */
import { basename, resolve } from "node:path";
import { digestFile, DomainError } from "../../storage/mod.ts";
import type { Label, Modality } from "../../inference/mod.ts";
import type { TrainingCase } from "../../train/mod.ts";
import { type CaseContent, type CaseFile, checkCases, hashCases, trainingCaseOf } from "../checks/checks.ts";
import { importDataset, MAX_DESCRIPTION_BYTES } from "./import.ts";
import { Inspector } from "../checks/inspect.ts";
import { invalidDataset } from "../layouts/layout.ts";
import { type DatasetLayout, type DatasetPlan, planDataset } from "../layouts/layouts.ts";
import { labelsOf } from "../spec.ts";
import type { CaseCheck, DatasetTask, Role } from "../types.ts";

export interface DatasetFolder {
  readonly name: string;
  readonly layout: DatasetLayout;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
  readonly cases: readonly TrainingCase[];
  readonly checks: readonly CaseCheck[];
  readonly hash: string;
  readonly ignoredFiles: number;
}

/**
 * Recognises the layout, reads and hashes every file.
 * @throws {DomainError} `invalid-dataset`, `invalid-volume`
 */
export async function readDatasetFolder(directory: string): Promise<DatasetFolder> {
  const root = resolve(directory);
  const paths = await Array.fromAsync(walkFiles(root));
  const plan = await planDataset(paths, async (path) => {
    const { size } = await Deno.stat(`${root}/${path}`);
    if (size > MAX_DESCRIPTION_BYTES) throw invalidDataset("dataset.json is too long");
    return await Deno.readTextFile(`${root}/${path}`);
  });
  const cases: CaseContent[] = [];
  using inspector = new Inspector();
  for (const [i, planned] of plan.cases.entries()) {
    const files = new Map<Role, CaseFile>();
    for (const [role, relative] of planned.files) {
      const path = `${root}/${relative}`;
      const info = await inspector.inspect(path, { isLabel: role === "label" }).catch((error) => {
        if (!(error instanceof DomainError)) throw error;
        throw new DomainError(error.code, `Case ${i + 1} of ${plan.cases.length}, ${role}: ${error.message}`, {
          cause: error,
        });
      });
      files.set(role, { path, info, sha256: (await digestFile(path)).sha256 });
    }
    cases.push({ ...planned, files });
  }
  return describe(plan, plan.name || basename(root), cases);
}

/**
 * The same for an archive; its case files are unpacked into `directory`, under new names.
 * @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large`
 */
export async function readDatasetZip(zipPath: string, directory: string): Promise<DatasetFolder> {
  using inspector = new Inspector();
  const { plan, spec, cases } = await importDataset(zipPath, { directory: resolve(directory), inspector });
  const contents = cases.map(({ name, patient, className, files }): CaseContent => ({
    id: name,
    patient: patient ?? name,
    ...(className !== null && { className }),
    files: new Map(files.map((f) => [f.role, { ...f, path: `${resolve(directory)}/${f.file}` }])),
  }));
  return describe(plan, spec.name, contents);
}

function describe(plan: DatasetPlan, name: string, cases: readonly CaseContent[]): DatasetFolder {
  const { layout, task, modalities, regions, classes, ignoredFiles } = plan;
  const labels = labelsOf(regions);
  return {
    name,
    layout,
    task,
    modalities,
    labels,
    classes,
    cases: cases.map(trainingCaseOf),
    checks: checkCases(cases, { task, modalities, labels, classes }),
    hash: hashCases(cases),
    ignoredFiles,
  };
}

/** Deepest folder that is read. */
const MAX_DEPTH = 8;

/** The files below a folder, as paths relative to it, with `/`. */
export async function* walkFiles(root: string, folder = "", depth = 0): AsyncGenerator<string> {
  if (depth > MAX_DEPTH) return;
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    const path = folder + entry.name;
    if (entry.isDirectory) yield* walkFiles(root, `${path}/`, depth + 1);
    else if (entry.isFile || await isFile(`${root}/${path}`)) yield path;
  }
}

/** A link to a file counts: many data sets are laid out with links. */
async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((s) => s.isFile, () => false);
}
