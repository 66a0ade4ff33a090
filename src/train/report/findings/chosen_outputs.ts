/**
 * Chooses the threshold of a model and the least size of each label's components by the Dice of held-out patients. A choice
 * is kept only where it also helps patients that it was not made on; otherwise the settings stay as they are.
 */
import type { InferenceSettings, ModelSpec, SmallestSize } from "../../../inference/mod.ts";
import type { CaseScore } from "../scores.ts";
import { LEAST_ML } from "../scoring/choices.ts";

/** Fewer patients cannot show that a choice carries over to others. */
const LEAST_PATIENTS = 3;
/** Mean gain of Dice that a choice must bring. */
const LEAST_GAIN = 0.005;
/** Share of the patients that a choice may not make worse. */
const NOT_WORSE = 2 / 3;
/** Differences of Dice below this are none. */
const EQUAL = 1e-6;

export interface ChosenOutputs {
  /** Changes of a model's settings; empty: none helps. */
  readonly inference: Partial<Pick<InferenceSettings, "threshold" | "postprocessing">>;
  /** Sentences for users, with figures. */
  readonly notes: readonly string[];
  /** null: nothing could be chosen. */
  readonly figures: ChoiceFigures | null;
}

export interface ChoiceFigures {
  readonly patients: number;
  /** Mean Dice of the patients with the settings as they were. */
  readonly before: number;
  /** With the best choice, on the patients that it was made on: better than new patients will see. */
  readonly chosen: number;
  /** With the choice that the other patients would make, patient by patient. */
  readonly leftOut: number;
  /** Patients whose Dice the best choice does not lower. */
  readonly notWorse: number;
  readonly isTaken: boolean;
}

/** One way to read a network's output: indexes of a threshold and, for each label, of a least size. */
interface Choice {
  readonly threshold: number;
  readonly least: readonly number[];
}

/** For each patient, label, threshold and least size: Dice, NaN where no case of theirs has the label. */
type Table = readonly (readonly (readonly (readonly number[])[])[])[];

type Freedom = "threshold" | "least" | "both";

/**
 * The settings of a model that the scores of held-out patients speak for.
 * @param scores of folds, by networks that did not see the patient
 * @param options.patientOf the patient of case `i`
 */
export function chosenOutputs(
  scores: readonly CaseScore[],
  { spec: { labels, inference }, patientOf }: {
    spec: Pick<ModelSpec, "labels" | "inference">;
    patientOf: (i: number) => string;
  },
): ChosenOutputs {
  const nothing = (why: string): ChosenOutputs => ({
    inference: {},
    notes: [`Threshold and smallest component were not chosen by validation: ${why}.`],
    figures: null,
  });
  const counted = scores.filter(({ labels: own = [] }) => own.some((l) => l.choices !== undefined && !l.unlearnt));
  const first = counted[0]?.labels?.find((l) => l.choices !== undefined)?.choices;
  if (first === undefined) {
    return nothing(
      (inference.postprocessing ?? []).length > 0
        ? "the base's own changes of the mask stay"
        : "no held-out case has the counts that this needs",
    );
  }
  const names = labels.map(({ name }) => name), { thresholds } = first;
  const table = tableOf(counted, names, patientOf);
  const start: Choice = { threshold: Math.max(0, thresholds.indexOf(inference.threshold)), least: names.map(() => 0) };
  const patients = [...table.keys()].filter((p) => !Number.isNaN(diceOf(table[p], start)));
  if (patients.length < LEAST_PATIENTS) {
    return nothing(`it takes ${LEAST_PATIENTS} held-out patients with labels, there are ${patients.length}`);
  }
  const freedoms: readonly Freedom[] = thresholds.length > 1 ? ["both", "threshold", "least"] : ["least"];
  const tried = freedoms.map((freedom) => tryFreedom(table, { patients, start, freedom, thresholds }));
  const taken = tried.filter(({ figures }) => figures.isTaken);
  // without one to take, the note is about the one that looks best
  const best = taken.toSorted((a, b) => b.figures.leftOut - a.figures.leftOut)[0] ??
    tried.toSorted((a, b) => b.figures.chosen - a.figures.chosen)[0];
  const { figures, choice } = best;
  const settings = settingsOf(choice, { start, names, thresholds });
  return {
    inference: figures.isTaken ? settings : {},
    notes: [sentence(figures, { settings, inference }), ...lesionNotes(counted, figures.isTaken ? settings : {})],
    figures,
  };
}

function tableOf(scores: readonly CaseScore[], names: readonly string[], patientOf: (i: number) => string): Table {
  return [...Map.groupBy(scores, (score) => patientOf(score.case)).values()].map((cases) =>
    names.map((name) => {
      const own = cases.flatMap(({ labels = [] }) =>
        labels.filter((l) => l.label === name && !l.unlearnt && l.choices !== undefined && l.counts[2] > 0)
      );
      const [some] = own;
      if (some === undefined) return [];
      return some.choices!.counts.map((row, t) =>
        row.map((_, s) =>
          mean(own.map(({ choices, counts }) => {
            const [both, predicted] = choices!.counts[t][s];
            return 2 * both / (predicted + counts[2]);
          }))
        )
      );
    })
  );
}

/** A patient's mean over the labels that they have. */
function diceOf(patient: Table[number], { threshold, least }: Choice): number {
  return mean(patient.flatMap((label, c) => label.length === 0 ? [] : [label[threshold][least[c]]]));
}

/** The choice with the best mean Dice of some patients; of equals the one nearest to the start. */
function bestChoice(
  table: Table,
  { patients, start, freedom, thresholds }: {
    patients: readonly number[];
    start: Choice;
    freedom: Freedom;
    thresholds: readonly (number | null)[];
  },
): Choice {
  const distance = (t: number) => Math.abs(t - start.threshold);
  const free = freedom === "least"
    ? [start.threshold]
    : [...thresholds.keys()].sort((a, b) => distance(a) - distance(b));
  let best = start, most = mean(patients.map((p) => diceOf(table[p], start)));
  for (const threshold of free) {
    const least = start.least.map((_, c) => {
      if (freedom === "threshold") return 0;
      const means = LEAST_ML.map((_, s) =>
        mean(patients.flatMap((p) => table[p][c].length === 0 ? [] : [table[p][c][threshold][s]]))
      );
      return means.reduce((top, v, s) => v > means[top] + EQUAL ? s : top, 0);
    });
    const value = mean(patients.map((p) => diceOf(table[p], { threshold, least })));
    if (value > most + EQUAL) [best, most] = [{ threshold, least }, value];
  }
  return best;
}

function tryFreedom(
  table: Table,
  options: { patients: readonly number[]; start: Choice; freedom: Freedom; thresholds: readonly (number | null)[] },
): { choice: Choice; figures: ChoiceFigures } {
  const { patients, start } = options;
  const choice = bestChoice(table, options);
  const before = patients.map((p) => diceOf(table[p], start)), after = patients.map((p) => diceOf(table[p], choice));
  const leftOut = mean(
    patients.map((p) =>
      diceOf(table[p], bestChoice(table, { ...options, patients: patients.filter((other) => other !== p) }))
    ),
  );
  const notWorse = after.filter((dice, i) => dice >= before[i] - EQUAL).length;
  const [was, is] = [mean(before), mean(after)];
  const isTaken = is - was > LEAST_GAIN && leftOut - was > EQUAL && notWorse >= NOT_WORSE * patients.length - EQUAL;
  return { choice, figures: { patients: patients.length, before: was, chosen: is, leftOut, notWorse, isTaken } };
}

function settingsOf(
  { threshold, least }: Choice,
  { start, names, thresholds }: { start: Choice; names: readonly string[]; thresholds: readonly (number | null)[] },
): ChosenOutputs["inference"] {
  const value = thresholds[threshold];
  const steps = names.flatMap((name, c): SmallestSize[] =>
    least[c] === 0 ? [] : [{ kind: "smallest-size", labels: [name], ml: LEAST_ML[least[c]] }]
  );
  return {
    ...(value !== null && threshold !== start.threshold && { threshold: value }),
    ...(steps.length > 0 && { postprocessing: steps }),
  };
}

function sentence(
  { patients, before, chosen, leftOut, notWorse, isTaken }: ChoiceFigures,
  { settings, inference }: { settings: ChosenOutputs["inference"]; inference: InferenceSettings },
): string {
  const what = words(settings);
  if (what === "") {
    return `No other threshold and no smallest component raises the mean Dice of ${patients} held-out patients: ` +
      `${before.toFixed(3)}.`;
  }
  const figures =
    `the mean Dice of ${patients} held-out patients from ${before.toFixed(3)} to ${chosen.toFixed(3)}, and ` +
    `from ${before.toFixed(3)} to ${leftOut.toFixed(3)} where each patient is read by what the others choose`;
  if (isTaken) {
    return `Chosen by validation: ${what}. It changes ${figures}; ${notWorse} of ${patients} patients are not worse. The ` +
      `figure after choosing is optimistic, the other one is not. Held-out figures of this report are with the settings ` +
      `before (threshold ${inference.threshold}, every component).`;
  }
  return `Not chosen: ${what} would change ${figures}; ${notWorse} of ${patients} patients would not be worse. That is no ` +
    "consistent gain, so the settings stay as they were.";
}

function words({ threshold, postprocessing = [] }: ChosenOutputs["inference"]): string {
  return [
    ...threshold === undefined ? [] : [`threshold ${threshold}`],
    ...postprocessing.flatMap((step) =>
      step.kind === "smallest-size" ? [`parts of ${step.labels!.join(", ")} below ${step.ml} mL dropped`] : []
    ),
  ].join(", ");
}

/** What the least sizes would drop of the references themselves. */
function lesionNotes(scores: readonly CaseScore[], { postprocessing = [] }: ChosenOutputs["inference"]): string[] {
  return postprocessing.flatMap((step) => {
    if (step.kind !== "smallest-size") return [];
    const [name] = step.labels!, own = scores.flatMap(({ labels = [] }) => labels.filter((l) => l.label === name));
    const below = sum(own.map((l) => l.choices?.referenceBelow[LEAST_ML.findIndex((ml) => ml === step.ml)] ?? 0));
    const all = sum(own.map(({ lesions }) => lesions === undefined ? 0 : lesions.found + lesions.missed));
    return below === 0
      ? []
      : [`${below} of ${all} parts of ${name} in the references of these cases are smaller than ${step.ml} mL.`];
  });
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
