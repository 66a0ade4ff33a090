/** The top of a fine-tune's page: the result in a sentence, what to expect, warnings, patients, and the worst pictures. */
import { nanMean } from "../../../metrics/mod.ts";
import type { Findings } from "../findings/findings.ts";
import { labelNames, ofLabel, type PatientScore } from "../findings/patients.ts";
import { escape, number, tableHtml } from "../parts.ts";
import type { CaseScore } from "../scores.ts";
import { pooledLesions } from "../summary.ts";

/** A sentence that nobody may overlook. */
export interface ReportWarning {
  /** Severe: the network should not be used as it is. */
  readonly severity: "severe" | "mild";
  readonly text: string;
}

/** Patients in the table, and cases with pictures, before the rest is folded away. */
const SHOWN_PATIENTS = 12;
const SHOWN_PICTURES = 3;

export interface Scored {
  readonly scores: readonly CaseScore[];
  /** The scores are of patients that their network never saw. */
  readonly isHeldOut: boolean;
  readonly task: "segmentation" | "classification";
  readonly classes: readonly string[];
  readonly idOf: (i: number) => string;
}

/** The result in one sentence, plain text. */
export function resultSentence(
  { scores, isHeldOut, task }: Scored,
  { patients, expectation }: Pick<Findings, "patients" | "expectation">,
): string {
  const whose = isHeldOut
    ? `On ${counted(patients.length, "patient")} that the network never saw`
    : "No patient was held out, so that nothing is known of new ones. On the cases that it was trained on";
  if (task === "classification") {
    return expectation.mean === null
      ? `${whose}, no figure could be measured.`
      : `${whose}, ${
        Math.round(expectation.mean * expectation.patients)
      } of ${expectation.patients} were classified right.`;
  }
  const labels = labelNames(scores).map((label) =>
    [label, nanMean(ofLabel(scores, label).map((l) => l.dice ?? NaN))] as const
  )
    .filter(([, dice]) => !Number.isNaN(dice));
  if (labels.length === 0 || expectation.mean === null) return `${whose}, no figure could be measured.`;
  const each = labels.length === 1
    ? ""
    : ` (${labels.map(([label, dice]) => `${label} ${dice.toFixed(2)}`).join(", ")})`;
  const lesions = pooledLesions(scores.flatMap((s) => s.labels ?? []).filter(({ unlearnt }) => !unlearnt));
  const all = lesions.found + lesions.missed;
  const parts = all > patients.length * labels.length
    ? ` It found ${lesions.found} of ${all} separate parts and made up ${lesions.false}.`
    : "";
  return `${whose}, the mean Dice was ${expectation.mean.toFixed(2)}${each}.${parts}`;
}

const counted = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;

export function warningsHtml(warnings: readonly ReportWarning[]): string {
  const order = warnings.toSorted((a, b) => Number(b.severity === "severe") - Number(a.severity === "severe"));
  return order.map(({ severity, text }) => `<p class="warning ${severity}" role="alert">${escape(text)}</p>`).join(
    "\n",
  );
}

/** One row a patient, the worst first. */
export function patientsHtml(scored: Scored, patients: readonly PatientScore[]): string {
  const rows = scored.task === "segmentation" ? segmentedRows(scored, patients) : classifiedRows(scored);
  const head = scored.task === "segmentation"
    ? ["patient", "Dice", "HD95, mm", "parts found", "parts missed", "false parts", "mL", "reference, mL"]
    : ["case", "class", "likeliest class", "its probability"];
  const rest = rows.slice(SHOWN_PATIENTS);
  return tableHtml(head, rows.slice(0, SHOWN_PATIENTS)) +
    (rest.length === 0 ? "" : `<details><summary>${rest.length} more</summary>${tableHtml(head, rest)}</details>`);
}

function segmentedRows({ scores }: Scored, patients: readonly PatientScore[]): string[][] {
  const byCase = new Map(scores.map((score) => [score.case, score]));
  const worstFirst = patients.toSorted((a, b) => (a.dice ?? Infinity) - (b.dice ?? Infinity));
  return worstFirst.map(({ patient, dice, cases }) => {
    const labels = cases.flatMap((i) => byCase.get(i)?.labels ?? []).filter(({ unlearnt }) => !unlearnt);
    const { found, missed, false: invented } = pooledLesions(labels);
    const hasLesions = labels.some(({ lesions }) => lesions !== undefined);
    const total = (pick: (l: typeof labels[number]) => number) => labels.reduce((sum, l) => sum + pick(l), 0);
    const hd95 = nanMean(labels.map((l) => l.hd95Mm ?? NaN));
    return [
      escape(patient),
      number(dice),
      number(Number.isNaN(hd95) ? null : hd95),
      ...[found, missed, invented].map((n) => hasLesions ? `${n}` : "–"),
      number(total((l) => l.volumeMl)),
      number(total((l) => l.referenceMl)),
    ];
  });
}

function classifiedRows({ scores, classes, idOf }: Scored): string[][] {
  const rows = scores.filter(({ probabilities }) => probabilities !== undefined).map((score) => {
    const most = Math.max(...score.probabilities!), likeliest = score.probabilities!.indexOf(most);
    return { score, most, likeliest, isWrong: likeliest !== score.classIndex };
  });
  return rows.toSorted((a, b) => Number(b.isWrong) - Number(a.isWrong) || b.most - a.most).map((r) => [
    escape(idOf(r.score.case)),
    escape(classes[r.score.classIndex!]),
    `${escape(classes[r.likeliest])}${r.isWrong ? " ✗" : ""}`,
    number(r.most),
  ]);
}

/** Means of each label over the cases, and its lesions. */
export function labelsHtml(scores: readonly CaseScore[]): string {
  const rows = labelNames(scores).map((name) => {
    const own = ofLabel(scores, name), dice = nanMean(own.map((l) => l.dice ?? NaN));
    const { found, missed, false: invented } = pooledLesions(own);
    const errors = own.map((l) => l.volumeMl - l.referenceMl);
    return [
      escape(name),
      number(Number.isNaN(dice) ? null : dice),
      `${found} of ${found + missed}`,
      `${invented}`,
      number(own.length === 0 ? null : nanMean(errors.map(Math.abs))),
      number(own.length === 0 ? null : nanMean(errors)),
    ];
  });
  return tableHtml(["label", "mean Dice", "parts found", "false parts", "volume error, mL", "of it bias, mL"], rows);
}

/** Pictures of the cases, the worst ones open and the others folded away. */
export function picturesHtml({ scores, idOf }: Scored): string {
  const worst = (score: CaseScore) => nanMean((score.labels ?? []).map((l) => l.dice ?? NaN));
  const pictures = scores.flatMap((score) => score.previewPng === undefined ? [] : [{ score, png: score.previewPng }])
    .toSorted((a, b) => (worst(a.score) || 0) - (worst(b.score) || 0))
    .map(({ score, png }) => pictureHtml(score, png, idOf(score.case)));
  if (pictures.length === 0) return "";
  const rest = pictures.slice(SHOWN_PICTURES);
  return `<h2>The worst cases</h2><p class="dim">The slice in which reference and prediction differ most. ` +
    `<span class="key found">found</span> <span class="key missed">missed</span> (reference, left) ` +
    `<span class="key hit">right</span> <span class="key false">false</span> (prediction, right): separate parts, which count as ` +
    `found or right when a voxel is common to both.</p>${pictures.slice(0, SHOWN_PICTURES).join("")}` +
    (rest.length === 0 ? "" : `<details><summary>${rest.length} more</summary>${rest.join("")}</details>`);
}

function pictureHtml({ labels = [] }: CaseScore, png: Uint8Array, id: string): string {
  const name = escape(id);
  const figures = labels.map((l) => `${escape(l.label)} Dice ${number(l.dice)}`).join(", ");
  return `<figure><img alt="Slice of ${name} with the outlines of reference and prediction" ` +
    `src="data:image/png;base64,${png.toBase64()}">` +
    `<figcaption>${name}: reference left, prediction right; ${figures}</figcaption></figure>`;
}
