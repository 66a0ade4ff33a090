/** Reads a folder or archive in one of the data-set layouts. Records nothing, and copies nothing of a folder. */
import { basename, resolve } from "node:path";
import { digestFile, DomainError } from "../../storage/mod.ts";
import type { Label, Modality } from "../../inference/mod.ts";
import type { LeftOut, PatientCounts, TrainingCase } from "../../train/mod.ts";
import { type CaseContent, type CaseFile, hashCases, trainingCaseOf } from "../checks/checks.ts";
import { importDataset, MAX_DESCRIPTION_BYTES } from "./import.ts";
import { ofCase, ofRole } from "./_refusals.ts";
import { Inspector } from "../checks/inspect.ts";
import { leaveOut } from "../checks/leave_out.ts";
import { type DatasetLayout, type DatasetPlan, planDataset, type PlanOptions } from "../layouts/layouts.ts";
import { patientFor } from "../patients/case_name.ts";
import { countPatients } from "../patients/patients.ts";
import { invalidDataset, labelsOf } from "../spec.ts";
import type { CaseCheck, DatasetTask, Role, Skip } from "../types.ts";

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
  readonly patients: PatientCounts;
  readonly leftOut: readonly LeftOut[];
  /** Files that no rule of the layout explains. */
  readonly ignored: readonly string[];
  /** What is said of cases that are not there. */
  readonly notes: readonly string[];
}

/**
 * Recognises the layout, reads and hashes every file.
 * @throws {DomainError} `invalid-dataset`, `invalid-volume`
 */
export async function readDatasetFolder(
  directory: string,
  options: PlanOptions = {},
): Promise<DatasetFolder> {
  const root = resolve(directory);
  const paths = await Array.fromAsync(walkFiles(root));
  const plan = await planDataset(paths, async (path) => {
    const { size } = await Deno.stat(`${root}/${path}`);
    if (size > MAX_DESCRIPTION_BYTES) throw invalidDataset("dataset.json is too long");
    return await Deno.readTextFile(`${root}/${path}`);
  }, options);
  const cases: CaseContent[] = [];
  const leftOut = [...plan.leftOut];
  using inspector = new Inspector({ reads: "all" });
  for (const [i, planned] of plan.cases.entries()) {
    const files = new Map<Role, CaseFile>();
    try {
      for (const [role, relative] of planned.files) {
        const path = `${root}/${relative}`;
        const info = await inspector.inspect(path, { isLabel: role === "label" }).catch((error) => ofRole(error, role));
        files.set(role, { path, info, sha256: (await digestFile(path)).sha256 });
      }
      cases.push({ ...planned, files });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (options.skip !== "errors") throw ofCase(error, { index: i, of: plan.cases.length });
      leftOut.push({ case: planned.id, reason: error.message });
    }
  }
  return describe({ ...plan, leftOut }, { name: plan.name || basename(root), cases, ...options });
}

/**
 * The same for an archive; its case files are unpacked into `directory`, under new names.
 * @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large`
 */
export async function readDatasetZip(
  zipPath: string,
  directory: string,
  options: PlanOptions = {},
): Promise<DatasetFolder> {
  using inspector = new Inspector({ reads: "all" });
  const { plan, spec, cases, leftOut } = await importDataset(zipPath, {
    ...options,
    directory: resolve(directory),
    inspector,
  });
  const contents = cases.map(({ name, named, className, excluded, files }): CaseContent => ({
    id: name,
    ...patientFor(name, named),
    ...(className !== null && { className }),
    ...(excluded !== null && { excluded }),
    files: new Map(files.map((f) => [f.role, { ...f, path: `${resolve(directory)}/${f.file}` }])),
  }));
  return describe({ ...plan, leftOut }, { name: spec.name, cases: contents, ...options });
}

function describe(
  { layout, task, modalities, regions, classes, ignored, leftOut, notes }: DatasetPlan,
  { name, cases: all, skip }: { name: string; cases: readonly CaseContent[]; skip?: Skip },
): DatasetFolder {
  const labels = labelsOf(regions);
  const { cases, leftOut: skipped, checks } = leaveOut(
    all,
    { task, modalities, labels, classes },
    skip === "errors" ? skip : [],
  );
  return {
    name,
    layout,
    task,
    modalities,
    labels,
    classes,
    cases: cases.map(trainingCaseOf),
    checks,
    hash: hashCases(cases),
    patients: countPatients(cases),
    leftOut: [...leftOut, ...skipped],
    ignored,
    notes,
  };
}

/** Deepest folder that is read. */
const MAX_DEPTH = 32;

/**
 * The files below a folder, as paths relative to it, with `/`. Links count as what they point to, because many data sets
 * are laid out with links; one that points to a folder around it is passed over.
 */
export async function* walkFiles(root: string, folder = "", around: readonly string[] = []): AsyncGenerator<string> {
  const place = await Deno.realPath(`${root}/${folder}`);
  if (around.includes(place)) return;
  if (around.length > MAX_DEPTH) throw invalidDataset(`its folders are more than ${MAX_DEPTH} deep`);
  for await (const entry of Deno.readDir(place)) {
    const path = folder + entry.name;
    const { isDirectory, isFile } = entry.isSymlink ? await targetOf(`${root}/${path}`) : entry;
    if (isDirectory) yield* walkFiles(root, `${path}/`, [...around, place]);
    else if (isFile) yield path;
  }
}

/** A link that points nowhere is neither. */
async function targetOf(link: string): Promise<Pick<Deno.FileInfo, "isDirectory" | "isFile">> {
  return await Deno.stat(link).catch(() => ({ isDirectory: false, isFile: false }));
}
