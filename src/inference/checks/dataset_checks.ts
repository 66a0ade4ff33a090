/** Checks of the cases of a data set against each other. */
import { spacingOf } from "../../volume/mod.ts";
import type { Warning } from "../types.ts";
import { figure, type WarningRecord } from "./check.ts";
import type { CaseFacts } from "./case_checks.ts";
import { headOf, type VolumeFacts } from "./facts.ts";
import type { LabelValueFacts } from "./label_checks.ts";
import { viewOf } from "./volume_checks.ts";

/** A case among others. */
export interface CaseOfSet {
  readonly id: string;
  readonly patient: string;
  readonly images: CaseFacts;
  /** Of the values of its label map; default none. */
  readonly labels?: readonly LabelValueFacts[];
}

/** A doubt about one of the cases. */
export interface CaseDoubt extends Warning {
  readonly case: string;
}

/** A check of a whole set. */
interface SetCheck extends WarningRecord {
  readonly find: (cases: readonly CaseOfSet[]) => readonly Omit<CaseDoubt, "code">[];
}

/** Fewer cases than this have no usual value. */
const LEAST_CASES = 5;
/** More outliers than this share of the cases are a group of their own. */
const MOST_OUTLIERS = 0.25;
/** An outlier is also further from the median than this many of the cases' own typical deviations. */
const DEVIATIONS = 5;

/** A size of an image that has a usual value among the cases. */
interface Quantity {
  /** In the detail: "the sides of its voxels are". */
  readonly is: string;
  /** Default mm. */
  readonly unit?: string;
  /** Values to be compared one by one; null: the image has none. */
  readonly of: (facts: VolumeFacts) => readonly number[] | null;
  /** An outlier is more than this many times as large or small as the median. */
  readonly factor: number;
}

export const DATASET_CHECKS = {
  "same-image-in-cases": {
    when: "An image has the same voxel values as one of another case.",
    weight: "loud",
    find: sameImages,
  },
  "outlier-voxel-size": {
    when: "A side of an image's voxels is more than twice as long or short as among the other cases.",
    weight: "noted",
    find: outliersOf({ is: "the sides of its voxels are", of: (f) => ascending(spacingOf(f.affineRas)), factor: 2 }),
  },
  "outlier-field-of-view": {
    when: "The longest side of an image's field of view is more than twice as long or short as among the other cases.",
    weight: "noted",
    find: outliersOf({
      is: "the longest side of its field of view is",
      of: (f) => [Math.max(...viewOf(f))],
      factor: 2,
    }),
  },
  "outlier-head-size": {
    when: "The longest side of an image's tissue is more than 1.5 times as long or short as among the other cases.",
    weight: "noted",
    find: outliersOf({
      is: "the longest side of its tissue is",
      of: (facts) => {
        const head = headOf(facts);
        return head && [Math.max(...head)];
      },
      factor: 1.5,
    }),
  },
  "outlier-intensities": {
    when: "The span of an image's intensities is more than 1000 times as large or small as among the other cases.",
    weight: "noted",
    // Intensities of MR have no unit, and scanners differ by less; other types and slopes of a file differ by 65535.
    find: outliersOf({
      is: "its intensities span",
      unit: "",
      of: ({ range: { min, max } }) => [max - min],
      factor: 1000,
    }),
  },
  "outlier-label-volume": {
    when: "A label's volume is more than 3 times as large or small as among the other cases that have it.",
    weight: "noted",
    find: unusualLabels,
  },
} as const satisfies Readonly<Record<string, SetCheck>>;

/** The doubts about the cases of a data set, from the facts of their images; other cases go by number, not by name. */
export function datasetDoubts(cases: readonly CaseOfSet[]): CaseDoubt[] {
  return Object.entries<SetCheck>(DATASET_CHECKS).flatMap(([code, { find }]) =>
    find(cases).map((doubt) => ({ ...doubt, code }))
  );
}

function sameImages(cases: readonly CaseOfSet[]): Omit<CaseDoubt, "code">[] {
  const seen = new Map<string, { role: string; of: CaseOfSet; number: number }>();
  return cases.flatMap((of, i) =>
    Object.entries(of.images).flatMap(([role, facts]) => {
      if (facts === undefined) return [];
      const first = seen.get(facts.valuesHash);
      if (first === undefined) seen.set(facts.valuesHash, { role, of, number: i + 1 });
      if (first === undefined || first.of === of) return [];
      const patients = first.of.patient === of.patient
        ? "of the same patient"
        : "of another patient, so that training and validation may see the same image";
      return [{
        case: of.id,
        detail: `${role} is the same image as ${first.role} of case ${first.number} of ${cases.length}, ${patients}; ` +
          "expected an image of its own; both were used; remove one of the cases, or name the same patient for both",
      }];
    })
  );
}

/** The cases whose image of a modality differs from what is usual for that modality. */
function outliersOf({ is, unit = "mm", of, factor }: Quantity) {
  return (cases: readonly CaseOfSet[]): Omit<CaseDoubt, "code">[] =>
    unusual(cases, {
      kindsOf: ({ images }) => Object.keys(images),
      valuesOf: ({ images }, role) => images[role] ? of(images[role]) : null,
      factor,
    }).map(({ id, kind, values, medians, cases }) => ({
      case: id,
      detail: `${kind}: ${is} ${values.map(figure).join(" × ")}${unit && ` ${unit}`}, expected about ` +
        `${
          medians.map(figure).join(" × ")
        }, the median of ${cases} cases; it was used; check its header, or leave the ` +
        "case out",
    }));
}

/** The cases whose label has an unusual volume. */
function unusualLabels(cases: readonly CaseOfSet[]): Omit<CaseDoubt, "code">[] {
  return unusual(cases, {
    kindsOf: ({ labels = [] }) => labels.map((l) => String(l.value)),
    valuesOf: ({ labels = [] }, value) => {
      const label = labels.find((l) => String(l.value) === value);
      return label ? [label.volumeMl] : null;
    },
    factor: 3,
  }).map(({ id, kind, values, medians, cases }) => ({
    case: id,
    detail: `label ${kind} has ${figure(values[0])} mL, expected about ${figure(medians[0])}, the median of ${cases} ` +
      "cases that have it; it was used; check the label map, or leave the case out",
  }));
}

interface Unusual {
  readonly id: string;
  readonly kind: string;
  readonly values: readonly number[];
  readonly medians: readonly number[];
  /** Number of cases that have a value. */
  readonly cases: number;
}

/** The cases that differ from the others in one of some kinds of values: modalities, or labels. */
function unusual(
  cases: readonly CaseOfSet[],
  { kindsOf, valuesOf, factor }: {
    kindsOf: (of: CaseOfSet) => readonly string[];
    valuesOf: (of: CaseOfSet, kind: string) => readonly number[] | null;
    factor: number;
  },
): Unusual[] {
  return [...new Set(cases.flatMap(kindsOf))].flatMap((kind) => {
    const measured = cases.flatMap((of) => {
      const values = valuesOf(of, kind);
      return values?.every((v) => v > 0) ? [{ id: of.id, values }] : [];
    });
    if (measured.length < LEAST_CASES) return [];
    const usual = measured[0].values.map((_, k) => usualOf(measured.map((m) => m.values[k])));
    const others = measured.filter(({ values }) => values.some((v, k) => isOutlier(v, usual[k], factor)));
    if (others.length > MOST_OUTLIERS * measured.length) return [];
    return others.map((m) => ({ ...m, kind, medians: usual.map((u) => u.median), cases: measured.length }));
  });
}

/** Median, and typical deviation of the logarithm (median absolute deviation as a standard deviation). */
function usualOf(values: readonly number[]): { median: number; deviation: number } {
  const median = medianOf(values);
  return { median, deviation: 1.4826 * medianOf(values.map((v) => Math.abs(Math.log(v / median)))) };
}

function isOutlier(value: number, { median, deviation }: { median: number; deviation: number }, factor: number) {
  return Math.abs(Math.log(value / median)) > Math.max(Math.log(factor), DEVIATIONS * deviation);
}

function ascending(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

function medianOf(values: readonly number[]): number {
  const sorted = ascending(values), half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
