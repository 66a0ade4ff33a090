/** The conditions of training on a data set, checked by what was recorded when its files came in. Opens no file. */
import { createHash } from "node:crypto";
import { gridOverlap, LEAST_OVERLAP, sameGrid, wholeLabel } from "../../volume/mod.ts";
import type { Label, Modality } from "../../inference/mod.ts";
import type { TrainingCase } from "../../train/mod.ts";
import type { FileInfo } from "./inspect.ts";
import { placesOf } from "./places.ts";
import { plausibilityChecks } from "./plausible.ts";
import type { CaseCheck, CheckCode, DatasetTask, PatientSource, Role } from "../types.ts";

/** A file of a case: its place and hash. */
export interface PlacedFile {
  readonly path: string;
  readonly sha256: string;
}

/** The same with its content. */
export interface CaseFile extends PlacedFile {
  readonly info: FileInfo;
}

export interface CaseContent<File = CaseFile> {
  readonly id: string;
  readonly patient: string;
  readonly patientFrom: PatientSource;
  readonly className?: string;
  /** Why trainings leave it out; absent: they do not. */
  readonly excluded?: string;
  readonly files: ReadonlyMap<Role, File>;
}

/** A case as the checks see it. */
export type CheckedCase = CaseContent<Pick<CaseFile, "info">>;

/** The parts of a case that the hash covers. */
export type HashedCase = Pick<CaseContent, "id" | "patient" | "className"> & {
  readonly files: ReadonlyMap<Role, Pick<PlacedFile, "sha256">>;
};

export interface CheckedSpec {
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
}

/** Checks every case against the data set's description. */
export function checkCases(cases: readonly CheckedCase[], spec: CheckedSpec): CaseCheck[] {
  const checks = [
    ...cases.flatMap((content) => checkCase(content, spec)),
    ...plausibilityChecks(cases, spec.modalities),
  ];
  const empty = checks.filter((c) => c.code === "label-empty");
  return empty.length < cases.length
    ? checks
    : checks.map((c) => c.code === "label-empty" ? { ...c, severity: "error" } : c);
}

function checkCase({ id, className, files }: CheckedCase, spec: CheckedSpec): CaseCheck[] {
  const checks: CaseCheck[] = [];
  const note = (code: CheckCode, detail: string, severity: CaseCheck["severity"] = "error") =>
    checks.push({ case: id, code, severity, detail });

  for (const modality of spec.modalities) {
    if (!files.has(modality)) note("missing-modality", `${modality} is missing`);
  }
  if (spec.task === "classification") {
    if (className === undefined) note("missing-class", "it has no class");
    else if (!spec.classes.includes(className)) note("missing-class", "its class is not one of the data set's");
  }
  const label = files.get("label")?.info;
  if (spec.task === "segmentation") {
    if (!label) note("missing-label", "it has no label map");
    else checkValues(label.values ?? [], spec.labels, note);
  }

  const used = [...spec.modalities, ...spec.task === "segmentation" ? ["label" as const] : []];
  const { grids, warnings, faults } = placesOf(files, used.filter((role) => files.has(role)));
  for (const { code, detail } of faults) note(code, detail);
  for (const { code, detail } of warnings) note(code, detail, "warning");
  const [first, ...others] = grids;
  for (const [role, grid] of others) {
    const [name, reference] = first;
    if (gridOverlap(reference, grid) < LEAST_OVERLAP) note("no-overlap", `${role} does not overlap ${name} in space`);
    else if (!sameGrid(reference, grid)) {
      note("grids-differ", `${role} is not on the grid of ${name}; it is resampled`, "warning");
    }
  }
  for (const role of used) {
    const count = files.get(role)?.info.nonFiniteVoxels ?? 0;
    if (count > 0) note("non-finite", `${role} has ${count} voxels that are no numbers; they are read as 0`, "warning");
  }
  return checks;
}

function checkValues(
  values: readonly number[],
  labels: readonly Label[],
  note: (code: CheckCode, detail: string, severity?: CaseCheck["severity"]) => void,
): void {
  const known = new Set(labels.flatMap((l) => l.sourceValues ?? [l.value]));
  // Rows written before values were rounded hold them as they were.
  const strange = values.map((v) => wholeLabel(v) ?? v).filter((v) => v !== 0 && !known.has(v));
  if (strange.length > 0) {
    const shown = strange.slice(0, 5).map((v) => Number.isInteger(v) ? v : v.toFixed(3)).join(", ");
    note("label-out-of-range", `its label map has values that belong to no label: ${shown}`);
  } else if (values.every((v) => v === 0)) {
    note("label-empty", "no voxel of its label map belongs to a label", "warning");
  }
}

/** sha256 over every case's files, class and patient, whatever the order in which they came in. */
export function hashCases(cases: readonly HashedCase[]): string {
  const lines = cases.flatMap(({ id, patient, className, files }) => [
    ...[...files].map(([role, { sha256 }]) => [id, role, sha256]),
    [id, "patient", patient],
    ...className === undefined ? [] : [[id, "class", className]],
  ]).map((line) => JSON.stringify(line)).sort();
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

/** A case as training takes it. */
export function trainingCaseOf({ id, patient, className, files }: CaseContent<PlacedFile>): TrainingCase {
  const { label, ...images } = Object.fromEntries([...files].map(([role, { path }]) => [role, path])) as Partial<
    Record<Role, string>
  >;
  return { id, patient, images, ...(label && { label }), ...(className !== undefined && { className }) };
}
