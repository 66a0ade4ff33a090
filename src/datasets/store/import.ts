/** Unpacks an archive in one of the data-set layouts into case files. Writes no rows: the caller does, at the end. */
import { DomainError, faultOf, removeIfPresent, ZipReader } from "../../storage/mod.ts";
import { newCaseFolder, storeCaseFile } from "./case_files.ts";
import { ofCase, ofRole } from "./_refusals.ts";
import type { StoredCase, StoredFile } from "./rows.ts";
import type { Inspector } from "../checks/inspect.ts";
import { type DatasetLayout, type DatasetPlan, planDataset, type PlanOptions } from "../layouts/layouts.ts";
import { caseNameSchema, checkSpec, datasetSpecSchema, invalidDataset } from "../spec.ts";
import type { LeftOut } from "../../train/mod.ts";
import type { DatasetDetail, DatasetSpec, Role } from "../types.ts";

export interface ImportedDataset {
  readonly dataset: DatasetDetail;
  readonly layout: DatasetLayout;
  /** Files of the archive that no rule of the layout explains. */
  readonly ignored: readonly string[];
  readonly leftOut: readonly LeftOut[];
  /** What is said of cases that are not there. */
  readonly notes: readonly string[];
}

export interface ImportSettings extends PlanOptions {
  /** Folder of the new data set. */
  readonly directory: string;
  /** Overrides the name in the archive. */
  readonly name?: string;
  readonly inspector: Pick<Inspector, "inspect">;
  /** Default {@link MAX_FILE_BYTES}. */
  readonly maxFileBytes?: number;
}

/** Largest case file. */
export const MAX_FILE_BYTES = 2 * 2 ** 30;
/** Most bytes that an archive may unpack to. */
const MAX_TOTAL_BYTES = 256 * 2 ** 30;
const MAX_FILES = 200_000;
/** Largest `dataset.json`. */
export const MAX_DESCRIPTION_BYTES = 2 ** 24;
/** Deflate shrinks by at most 1032 to 1, and label maps come close. */
const MAX_RATIO = 1100;

/** @throws {DomainError} `invalid-archive`, `invalid-dataset`, `invalid-volume`, `too-large` */
export async function importDataset(
  zipPath: string,
  { directory, name, inspector, maxFileBytes = MAX_FILE_BYTES, ...options }: ImportSettings,
): Promise<{ plan: DatasetPlan; spec: DatasetSpec; cases: StoredCase[]; leftOut: LeftOut[] }> {
  const limits = { maxEntries: MAX_FILES, maxTotalBytes: MAX_TOTAL_BYTES, maxRatio: MAX_RATIO };
  using zip = await ZipReader.open(zipPath, limits);
  const entries = new Map(zip.entries.map((e) => [e.name, e]));
  const plan = await planDataset(
    [...entries.keys()],
    async (path) => new TextDecoder().decode(await zip.readBytes(entries.get(path)!, MAX_DESCRIPTION_BYTES)),
    options,
  );
  const spec = specOf(plan, name);
  const store = async (path: string, { folder, role }: { folder: string; role: Role }) =>
    await storeCaseFile(await zip.read(entries.get(path)!), {
      directory,
      folder,
      role,
      maxBytes: maxFileBytes,
      inspector,
    });
  const cases: StoredCase[] = [];
  const leftOut = [...plan.leftOut];
  for (const [i, { id, patient, patientFrom, className, excluded = null, files }] of plan.cases.entries()) {
    if (!caseNameSchema.safeParse(id).success) {
      const fault = "its name cannot be used: expected one line of 1 to 200 characters";
      if (options.skip !== "errors") throw invalidDataset(`case ${i + 1} of ${plan.cases.length}: ${fault}`);
      leftOut.push({ case: id.slice(0, 200), reason: fault });
      continue;
    }
    const folder = newCaseFolder();
    const stored: StoredFile[] = [];
    try {
      for (const [role, path] of files) {
        stored.push(await store(path, { folder, role }).catch((error) => ofRole(error, role)));
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (options.skip !== "errors" || error.code !== "invalid-volume") {
        throw ofCase(error, { index: i, of: plan.cases.length });
      }
      await removeIfPresent(`${directory}/${folder}`);
      leftOut.push({ case: id, reason: error.message });
      continue;
    }
    const named = patientFrom === "case-name" ? null : { patient, from: patientFrom };
    cases.push({ name: id, named, className: className ?? null, excluded, files: stored });
  }
  if (cases.length === 0) throw invalidDataset(`none of its ${leftOut.length} cases can be used`);
  return { plan, spec, cases, leftOut };
}

function specOf(plan: DatasetPlan, name: string | undefined): DatasetSpec {
  const { layout, task, modalities, regions: labels, classes } = plan;
  const spec = { name: name || plan.name || `Imported (${layout})`, task, modalities, labels, classes };
  const parsed = datasetSpecSchema.safeParse(spec);
  if (!parsed.success) {
    const { path, detail } = faultOf(datasetSpecSchema, spec, parsed.error);
    throw invalidDataset(`${path.join(".")}: ${detail}`);
  }
  checkSpec(parsed.data);
  return parsed.data;
}
