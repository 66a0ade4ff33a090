/**
 * Writes a data set of simulated subjects:
 *
 *   deno run -A scripts/simulator/main.ts --anatomies DIR --out DIR --subjects N [--seed 1] [--labels structures|lesion|all|none]
 *     [--lesions DIR] [--lesion-kind ms|stroke] [--lesion-chance 1] [--contrast real|random] [--modalities t1,flair]
 *     [--spacing 1] [--anatomy 1,2,5] [--stripped 0.5] [--neck-cut 0.6] [--missing 0]
 *
 * Resumes: cases that are there stay. `--measure` prints crops of 64³ per second instead.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { writeSubjects } from "./dataset.ts";
import { readLesionMasks } from "./lesions/lesion_masks.ts";
import { measureCrops } from "./measure.ts";
import { MODALITIES, modalitiesOf } from "./image/modalities.ts";
import { flagsOf } from "../flags.ts";

const CHOICES = {
  labels: ["structures", "lesion", "all", "none"],
  contrast: ["real", "random"],
  "lesion-kind": ["ms", "stroke"],
} as const;

/** The flag's value among its choices. @throws {RangeError} another */
function choice<K extends keyof typeof CHOICES>(flag: K, value: string): typeof CHOICES[K][number] {
  const found = CHOICES[flag].find((c) => c === value);
  if (found === undefined) throw wrongFlag(flag, CHOICES[flag].join(", "), value);
  return found;
}

function wrongFlag(flag: string, expected: string, value: string): RangeError {
  return new RangeError(`Cannot simulate subjects: --${flag}: expected ${expected}, got ${JSON.stringify(value)}`);
}

function numberOf(flag: string, value: string, holds: (n: number) => boolean, expected: string): number {
  const n = Number(value);
  if (value.trim() === "" || !Number.isFinite(n) || !holds(n)) throw wrongFlag(flag, expected, value);
  return n;
}

const whole = (flag: string, value: string) =>
  numberOf(flag, value, (n) => Number.isInteger(n) && n >= 0, "a whole number from 0");
const share = (flag: string, value: string) => numberOf(flag, value, (n) => n >= 0 && n <= 1, "0 to 1");

/** The label maps of a folder, all or those of the given places from 1. */
function anatomyFiles(folder: string, places: string | undefined): string[] {
  const files = readdirSync(folder).filter((f) => f.endsWith(".nii.gz")).sort();
  const chosen = places?.split(",").map((p) => whole("anatomy", p)) ?? files.map((_, i) => i + 1);
  return chosen.map((p) => {
    const file = files[p - 1];
    if (file === undefined) throw wrongFlag("anatomy", `places of 1 to ${files.length}`, String(p));
    return join(folder, file);
  });
}

export async function main(args: readonly string[]): Promise<void> {
  const { values: flags } = flagsOf({
    args: [...args],
    options: {
      anatomies: { type: "string" },
      anatomy: { type: "string" },
      contrast: { type: "string", default: "real" },
      labels: { type: "string", default: "structures" },
      lesions: { type: "string" },
      "lesion-kind": { type: "string", default: "ms" },
      "lesion-chance": { type: "string", default: "1" },
      measure: { type: "boolean", default: false },
      missing: { type: "string", default: "0" },
      modalities: { type: "string", default: MODALITIES.join() },
      "neck-cut": { type: "string", default: "0.6" },
      out: { type: "string" },
      seed: { type: "string", default: "1" },
      spacing: { type: "string", default: "1" },
      stripped: { type: "string", default: "0.5" },
      subjects: { type: "string", default: "1" },
    },
  });
  if (flags.anatomies === undefined) throw wrongFlag("anatomies", "a folder of label maps", "");
  const anatomies = anatomyFiles(flags.anatomies, flags.anatomy);
  const kind = choice("lesion-kind", flags["lesion-kind"]);
  const lesions = flags.lesions === undefined ? [] : await readLesionMasks(flags.lesions, kind);
  const label = choice("labels", flags.labels);
  if ((label === "lesion" || label === "all") && lesions.length === 0) {
    throw wrongFlag("lesions", `a folder of masks with --labels ${label}`, "");
  }
  if (flags.measure) return await measureCrops(anatomies[0], lesions);
  if (flags.out === undefined) throw wrongFlag("out", "a folder", "");
  const began = performance.now();
  const names = await writeSubjects(flags.out, {
    anatomies,
    label,
    lesions,
    subjects: whole("subjects", flags.subjects),
    seed: whole("seed", flags.seed),
    contrast: choice("contrast", flags.contrast),
    modalities: modalitiesOf(flags.modalities.split(",")),
    spacingMm: numberOf("spacing", flags.spacing, (n) => n > 0, "mm above 0"),
    lesionChance: share("lesion-chance", flags["lesion-chance"]),
    stripped: share("stripped", flags.stripped),
    neckCut: share("neck-cut", flags["neck-cut"]),
    missing: share("missing", flags.missing),
    onCase: ({ done, total, kept }) => {
      const rate = (done - kept) / (performance.now() - began) * 1000;
      console.log(`${done} of ${total} subjects, ${rate.toFixed(3)} a second`);
    },
  });
  console.log(`${names.length} subjects of ${anatomies.length} anatomies`);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
