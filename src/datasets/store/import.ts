/** Unpacks an archive in one of the data-set layouts into case files. Writes no rows: the caller does, at the end. */
import { DomainError, ZipReader } from "../../storage/mod.ts";
import { newCaseFolder, storeCaseFile } from "./case_files.ts";
import type { StoredCase } from "./rows.ts";
import type { Inspector } from "../checks/inspect.ts";
import { invalidDataset } from "../layouts/layout.ts";
import { type DatasetLayout, type DatasetPlan, planDataset } from "../layouts/layouts.ts";
import { caseNameSchema, checkSpec, datasetSpecSchema } from "../spec.ts";
import type { DatasetDetail, DatasetSpec } from "../types.ts";

export interface ImportedDataset {
  readonly dataset: DatasetDetail;
  readonly layout: DatasetLayout;
  /** Number of files of the archive that no rule of the layout explains. */
  readonly ignoredFiles: number;
}

export interface ImportSettings {
  /** Folder of the new data set. */
  readonly directory: string;
  /** Overrides the name in the archive. */
  readonly name?: string;
  readonly inspector: Inspector;
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
  { directory, name, inspector, maxFileBytes = MAX_FILE_BYTES }: ImportSettings,
): Promise<{ plan: DatasetPlan; spec: DatasetSpec; cases: StoredCase[] }> {
  const limits = { maxEntries: MAX_FILES, maxTotalBytes: MAX_TOTAL_BYTES, maxRatio: MAX_RATIO };
  using zip = await ZipReader.open(zipPath, limits);
  const entries = new Map(zip.entries.map((e) => [e.name, e]));
  const plan = await planDataset(
    [...entries.keys()],
    async (path) => new TextDecoder().decode(await zip.readBytes(entries.get(path)!, MAX_DESCRIPTION_BYTES)),
  );
  const spec = specOf(plan, name);
  const cases: StoredCase[] = [];
  for (const [i, { id, patient, className, files }] of plan.cases.entries()) {
    if (!caseNameSchema.safeParse(id).success || !caseNameSchema.safeParse(patient).success) {
      throw invalidDataset(`case ${i + 1} of ${plan.cases.length}: its name or its patient's cannot be used`);
    }
    const folder = newCaseFolder();
    const stored = [];
    for (const [role, path] of files) {
      const source = await zip.read(entries.get(path)!);
      stored.push(
        await storeCaseFile(source, { directory, folder, role, maxBytes: maxFileBytes, inspector }).catch((error) => {
          if (!(error instanceof DomainError)) throw error;
          const where = `Case ${i + 1} of ${plan.cases.length}, ${role}`;
          throw new DomainError(error.code, `${where}: ${error.message}`, { cause: error });
        }),
      );
    }
    cases.push({ name: id, patient, className: className ?? null, files: stored });
  }
  return { plan, spec, cases };
}

function specOf(plan: DatasetPlan, name: string | undefined): DatasetSpec {
  const { layout, task, modalities, regions: labels, classes } = plan;
  const spec = { name: name || plan.name || `Imported (${layout})`, task, modalities, labels, classes };
  const parsed = datasetSpecSchema.safeParse(spec);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    throw invalidDataset(`${path.join(".")}: ${message}`);
  }
  checkSpec(parsed.data);
  return parsed.data;
}
