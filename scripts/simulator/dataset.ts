/**
 * Writes subjects as a data set in Sulcus' layout: `dataset.json`, `cases/<case>/{<modality>,label}.nii.gz`. A whole case
 * is one folder that appears at once, so a run that was stopped resumes with the first case that is not there.
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeVolume } from "../../src/volume/mod.ts";
import { type Anatomy, readAnatomy } from "./anatomy/anatomy.ts";
import { STRUCTURES } from "./anatomy/classes.ts";
import { MODALITIES } from "./image/modalities.ts";
import { type LesionKind, readLesionMasks } from "./lesions/lesion_masks.ts";
import type { SubjectOptions } from "./plan.ts";
import { simulateSubject, type Subject } from "./simulate.ts";

/** `all`: structures, and lesions over them as one value more. */
export type LabelKind = "structures" | "lesion" | "all" | "none";

export interface DatasetOptions extends Omit<SubjectOptions, "seed"> {
  readonly subjects: number;
  readonly seed: number;
  readonly label: LabelKind;
  /** Anatomies' files; subject n is made from one of them, in turn. */
  readonly anatomies: readonly string[];
  /** Called after each case. */
  readonly onCase?: (progress: CaseProgress) => void;
}

export interface CaseProgress {
  readonly done: number;
  readonly total: number;
  /** Cases that were there already. */
  readonly kept: number;
}

/** Fills `folder`, which may hold earlier cases of the same run. Returns the names of all cases. */
export async function writeSubjects(folder: string, options: DatasetOptions): Promise<string[]> {
  const { subjects, seed, label, anatomies, onCase, ...subject } = options;
  if (!Number.isInteger(subjects) || subjects < 1 || anatomies.length === 0) {
    throw new RangeError(
      `Cannot simulate subjects: expected one or more, and an anatomy, got ${subjects} and ${anatomies.length}`,
    );
  }
  const names = Array.from({ length: subjects }, (_, n) => subjectName(n));
  await mkdir(join(folder, "cases"), { recursive: true });
  await checkSameRun(folder, options);
  await writeFile(join(folder, "dataset.json"), JSON.stringify(descriptionOf(options), null, 2) + "\n");
  const missing = [...names.keys()].filter((n) => !existsSync(join(folder, "cases", names[n])));
  let done = subjects - missing.length;
  const kept = done;
  // Anatomies take longer to read than subjects to make: all subjects of one after another.
  for (const [a, path] of anatomies.entries()) {
    const own = missing.filter((n) => n % anatomies.length === a);
    if (own.length === 0) continue;
    const anatomy = await readAnatomy(path);
    for (const n of own) {
      await writeCase(join(folder, "cases"), names[n], {
        anatomy,
        subject: { ...subject, seed: caseSeed(seed, n) },
        label,
      });
      onCase?.({ done: ++done, total: subjects, kept });
    }
  }
  return names;
}

/** The folder of subject n, from 0. */
export const subjectName = (n: number): string => `subject${String(n + 1).padStart(4, "0")}`;

/** How subjects without labels are made, as JSON that another process reads. */
export interface SubjectsPlan extends
  Pick<
    SubjectOptions,
    "modalities" | "contrast" | "spacingMm" | "lesionChance" | "stripped" | "neckCut" | "missing"
  > {
  readonly seed: number;
  readonly anatomies: readonly string[];
  readonly lesions?: { readonly folder: string; readonly kind: LesionKind };
}

/**
 * Writes subjects of these numbers below `folder`, those of one anatomy after another; each is the one that
 * {@link writeSubjects} makes with this number. `isOver` is asked before each.
 */
export async function drawSubjects(
  folder: string,
  { anatomies, seed, lesions, ...options }: SubjectsPlan,
  { numbers, isOver = () => false }: { readonly numbers: readonly number[]; readonly isOver?: () => boolean },
): Promise<void> {
  const masks = lesions && await readLesionMasks(lesions.folder, lesions.kind), cases = join(folder, "cases");
  await mkdir(cases, { recursive: true });
  for (const [a, own] of Map.groupBy(numbers, (n) => n % anatomies.length)) {
    const anatomy = await readAnatomy(anatomies[a]);
    for (const n of own) {
      if (isOver()) return;
      const subject = { ...options, ...(masks && { lesions: masks }), seed: caseSeed(seed, n) };
      await writeCase(cases, subjectName(n), { anatomy, subject, label: "none" });
    }
  }
}

/** Subject n of a data set is the subject of this seed, whatever the number of subjects. */
export function caseSeed(seed: number, n: number): string {
  return `${seed} subject ${n}`;
}

/** What decides the voxels: kept beside the cases, so that a folder never mixes two runs. */
const RUN_FILE = "simulation.json";

async function checkSameRun(folder: string, options: DatasetOptions): Promise<void> {
  const { onCase: _, lesions, anatomies, subjects: __, ...rest } = options;
  const facts = JSON.stringify(
    { ...rest, anatomies: anatomies.map((path) => path.split(/[\\/]/).at(-1)), lesions: lesions?.length ?? 0 },
    null,
    2,
  ) + "\n";
  const path = join(folder, RUN_FILE);
  const before = existsSync(path) ? await Deno.readTextFile(path) : null;
  if (before !== null && before !== facts) {
    throw new RangeError(
      `Cannot resume a simulation: expected the options that the folder was begun with, got others. ` +
        `Compare ${RUN_FILE} there, or write into an empty folder.`,
    );
  }
  if (before === null && readdirSync(join(folder, "cases")).length > 0) {
    throw new RangeError(
      `Cannot simulate subjects: expected a folder without cases of another origin, got one with them`,
    );
  }
  if (before === null) await writeFile(path, facts);
}

function descriptionOf({ label, modalities = MODALITIES, contrast = "real" }: DatasetOptions) {
  return {
    name: `simulated ${contrast === "real" ? "subjects" : "subjects of random contrast"}`,
    task: "segmentation",
    modalities,
    ...(label === "none" ? {} : { labels: namesOf(label).map((name, i) => ({ name, values: [i + 1] })) }),
  };
}

/** The names of a label map's values, from 1. */
export function namesOf(label: Exclude<LabelKind, "none">): readonly string[] {
  if (label === "lesion") return ["lesion"];
  return label === "all" ? [...STRUCTURES, "lesion"] : STRUCTURES;
}

interface CaseOptions {
  readonly anatomy: Anatomy;
  readonly subject: SubjectOptions;
  readonly label: LabelKind;
}

async function writeCase(cases: string, name: string, { anatomy, subject, label }: CaseOptions): Promise<void> {
  const made = simulateSubject(anatomy, subject);
  const temporary = join(cases, `.${name}.tmp`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const { grid, channels } = made;
  for (const [modality, values] of channels) {
    await writeVolume(join(temporary, `${modality}.nii.gz`), { data: quantised(values), grid });
  }
  if (label !== "none") {
    await writeVolume(join(temporary, "label.nii.gz"), { data: labelOf(made, label), grid });
  }
  await rename(temporary, join(cases, name));
}

function labelOf({ labels, lesion }: Subject, label: Exclude<LabelKind, "none">): Uint8Array {
  if (label === "lesion") return lesion;
  return Uint8Array.from(labels, (structure, i) => label === "all" && lesion[i] === 1 ? LESION : structure);
}

/** In a label map of all. */
const LESION = STRUCTURES.length + 1;

/** Whole numbers, as scanners write them. */
function quantised(values: Float32Array): Int16Array {
  return Int16Array.from(values, (v) => Math.min(Math.round(v), 32_767));
}
