/**
 * Reports of trainings that name cases and show slices of them: `<data>/reports/<job>/`, never inside a package, because
 * packages are handed on and outlive the data set. They are removed with the data set that they are about.
 */
import { DomainError, exists, removeIfPresent, writeWhole } from "../storage/mod.ts";
import type { Manifest, ManifestDraft } from "./manifest.ts";

/** What packages say about cases: their numbers, or their names with pictures. */
export const PACKAGED_REPORTS = ["pseudonyms", "full"] as const;
export type PackagedReports = (typeof PACKAGED_REPORTS)[number];

const REPORT_FILES = ["report.json", "report.html"] as const;

/** Folder of a training's output with the report that stays here. */
const PRIVATE = "private";

/** The folder of a training's own report. */
export function reportFolder(dataDirectory: string, job: string): string {
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(job)) {
    throw new DomainError("invalid-manifest", "Cannot keep a report: expected a job's id of letters, digits and -");
  }
  return `${dataDirectory}/reports/${job}`;
}

export async function removeReport(dataDirectory: string, job: string): Promise<void> {
  await removeIfPresent(reportFolder(dataDirectory, job));
}

/** Reports whether a package comes from a training on cases, whose report may name them. */
function isTrained({ provenance }: Pick<ManifestDraft, "provenance">): boolean {
  return provenance.datasetHash !== undefined || provenance.job !== undefined;
}

/** The first words of a report that says itself how it names cases. */
const MARK = /^\{\s*"identities":\s*"(none|pseudonyms|shown)"/;

/** Reports whether a folder's report says how it names cases. Reports of earlier versions do not: they name them. */
async function isMarked(folder: string): Promise<boolean> {
  if (!await exists(`${folder}/report.json`)) return false;
  using file = await Deno.open(`${folder}/report.json`);
  const start = new Uint8Array(100), bytes = await file.read(start);
  return MARK.test(new TextDecoder().decode(start.subarray(0, bytes ?? 0)));
}

/**
 * Sorts a training's reports before its folder becomes a package: what names cases goes beside the job. `full` copies it
 * into the package as well. A report that does not say how it names cases is never packaged.
 */
export async function sortReports(
  source: string,
  draft: Pick<ManifestDraft, "provenance">,
  { dataDirectory, packaged }: { dataDirectory: string; packaged: PackagedReports },
): Promise<void> {
  if (!isTrained(draft)) return;
  const own = `${source}/${PRIVATE}`;
  if (await exists(own)) {
    await keep(own, dataDirectory, draft.provenance.job);
    if (packaged === "full") await copyReports(own, source);
  }
  if (!await isMarked(source)) await takeOut(source, dataDirectory, draft.provenance.job);
}

/**
 * Takes the reports that name cases out of a package that an earlier version made: its manifest no longer lists them. The
 * report is kept beside the job, if the job is one of this installation.
 * @returns the manifest without them; null where the package needs no change
 */
export async function withoutNamingReports(
  directory: string,
  manifest: Manifest,
  { dataDirectory }: { dataDirectory?: string } = {},
): Promise<Manifest | null> {
  const listed = REPORT_FILES.some((name) => Object.hasOwn(manifest.files, name));
  const isLeft = !listed &&
    (await Promise.all(REPORT_FILES.map((name) => exists(`${directory}/${name}`)))).some(Boolean);
  if (!isTrained(manifest) || (!listed && !isLeft) || (listed && await isMarked(directory))) return null;
  if (dataDirectory !== undefined && listed) await keep(directory, dataDirectory, manifest.provenance.job);
  const kept = Object.entries(manifest.files).filter(([name]) => !REPORT_FILES.some((report) => report === name));
  const clean = { ...manifest, files: Object.fromEntries(kept) };
  // The manifest comes first: files that it does not list are removed at the next start, should this process end here.
  await writeWhole(`${directory}/manifest.json`, [JSON.stringify(clean, null, 2), "\n"]);
  for (const name of REPORT_FILES) await removeIfPresent(`${directory}/${name}`);
  return clean;
}

async function takeOut(source: string, dataDirectory: string, job: string | undefined): Promise<void> {
  await keep(source, dataDirectory, job);
  for (const name of REPORT_FILES) await removeIfPresent(`${source}/${name}`);
}

async function keep(from: string, dataDirectory: string, job: string | undefined): Promise<void> {
  if (job !== undefined) await copyReports(from, reportFolder(dataDirectory, job));
}

async function copyReports(from: string, to: string): Promise<void> {
  for (const name of REPORT_FILES) {
    if (await exists(`${from}/${name}`)) await writeWhole(`${to}/${name}`, await Deno.readFile(`${from}/${name}`));
  }
}
