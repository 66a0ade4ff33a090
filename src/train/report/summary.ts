/**
 * The figures of several scored cases, and the reason for each that is missing. A figure is left out where it would say
 * nothing: of a label or class that the network was not trained on, or over cases of a single class.
 */
import { accuracy, auc, type LesionCounts, lesionRates, macroF1, nanMean } from "../../metrics/mod.ts";
import type { Metrics } from "../types.ts";
import type { CaseScore, LabelScore } from "./scores.ts";

export interface Summary {
  readonly metrics: Metrics;
  /** Sentences: why figures are null, or count fewer cases than were scored. */
  readonly reasons: readonly string[];
}

/** Marks the scores that mean nothing, since the network was trained on cases with these names only. */
export function markUnlearnt(
  scores: readonly CaseScore[],
  { trained, classes }: { trained: ReadonlySet<string>; classes: readonly string[] },
): CaseScore[] {
  return scores.map((score) => {
    const { labels, classIndex } = score;
    if (labels !== undefined) {
      const marked = labels.map((l): LabelScore => trained.has(l.label) ? l : { ...l, ...UNLEARNT });
      return { ...score, labels: marked };
    }
    const isLearnt = trained.size > 1 && trained.has(classes[classIndex!]);
    return isLearnt ? score : { ...score, unlearnt: true };
  });
}

const UNLEARNT = { dice: null, hd95Mm: null, unlearnt: true } as const;

/**
 * Scores as the named numbers of the OpenAPI document: means over cases and labels, the Dice of all voxels pooled, and the
 * lesions of all cases pooled.
 */
export function summarize(scores: readonly CaseScore[], classes: readonly string[]): Summary {
  if (scores.length === 0) return { metrics: {}, reasons: [] };
  return scores[0].labels === undefined ? ofClasses(scores, classes) : ofLabels(scores);
}

function ofClasses(scores: readonly CaseScore[], classes: readonly string[]): Summary {
  const counted = scores.filter(({ unlearnt }) => !unlearnt);
  const actual = counted.map((s) => s.classIndex!), probabilities = counted.map((s) => s.probabilities!);
  const reasons: string[] = [];
  if (counted.length < scores.length) {
    reasons.push(
      `${scores.length - counted.length} of ${scores.length} cases are not counted: the network that scored them was ` +
        "trained without their class, or on no other",
    );
  }
  const [first, ...others] = new Set(actual);
  if (others.length === 0) {
    const why = first === undefined
      ? "no case counts"
      : `all ${actual.length} counted cases are of class ${classes[first]}`;
    return {
      metrics: { accuracy: null, auc: null, macroF1: null },
      reasons: [...reasons, `no accuracy, AUC and macro F1: ${why}`],
    };
  }
  const predicted = probabilities.map((p) => p.indexOf(Math.max(...p)));
  return {
    metrics: {
      accuracy: accuracy(predicted, actual),
      auc: finite(auc(probabilities, actual)),
      macroF1: macroF1(predicted, actual, classes.length),
    },
    reasons,
  };
}

function ofLabels(scores: readonly CaseScore[]): Summary {
  const all = scores.flatMap((s) => s.labels!), counted = all.filter(({ unlearnt }) => !unlearnt);
  const [both, own, other] = [0, 1, 2].map((k) => counted.reduce((n, l) => n + l.counts[k], 0));
  const mean = (pick: (l: LabelScore) => number | null) => finite(nanMean(counted.map((l) => pick(l) ?? NaN)));
  const left = [...new Set(all.filter(({ unlearnt }) => unlearnt).map(({ label }) => label))];
  const reasons = left.map((label) => {
    const count = all.filter((l) => l.label === label && l.unlearnt).length;
    return `${label} is not counted in ${count} of ${scores.length} cases: the network that scored them was trained without it`;
  });
  if (other === 0) reasons.push("no Dice and HD95: no scored case has a voxel of a label that counts");
  return {
    metrics: {
      dice: mean((l) => l.dice),
      pooledDice: other === 0 ? null : 2 * both / (own + other),
      hd95Mm: mean((l) => l.hd95Mm),
      ...lesionMetrics(counted),
    },
    reasons,
  };
}

/** Lesions of all cases and labels pooled, and the mean error of volumes; none for scores of earlier versions. */
function lesionMetrics(counted: readonly LabelScore[]): Metrics {
  const scored = counted.filter(({ lesions }) => lesions !== undefined);
  if (scored.length === 0) return {};
  const { sensitivity, precision, f1 } = lesionRates(pooledLesions(scored));
  return {
    lesionSensitivity: finite(sensitivity),
    lesionPrecision: finite(precision),
    lesionF1: finite(f1),
    volumeErrorMl: nanMean(scored.map((l) => Math.abs(l.volumeMl - l.referenceMl))),
  };
}

/** The lesions of several scores together. */
export function pooledLesions(scores: readonly LabelScore[]): LesionCounts {
  const total = (name: keyof LesionCounts) => scores.reduce((n, { lesions }) => n + (lesions?.[name] ?? 0), 0);
  return { found: total("found"), missed: total("missed"), hits: total("hits"), false: total("false") };
}

const finite = (v: number) => (Number.isFinite(v) ? v : null);
