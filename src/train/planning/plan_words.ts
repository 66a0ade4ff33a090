/** A plan as lines for a terminal. */
import type { FinetunePlan } from "./plan.ts";

const by = (values: readonly number[]) => values.join("×");

/** Lines of two columns: what the data are, what will be done and why, what it takes. */
export function planWords({ fingerprint: f, recipe, reasons, expected }: FinetunePlan): string[] {
  const rows: [string, string][] = [
    ["Cases", `${f.cases} of ${f.patients} patients, ${f.task}, ${f.modalities.join(", ")}`],
    ["Images", `${by(f.sizeVox.least)} to ${by(f.sizeVox.most)} voxels, median ${by(f.sizeVox.median)}`],
    ["Spacing", `${by(f.spacingMm.least)} to ${by(f.spacingMm.most)} mm, median ${by(f.spacingMm.median)}`],
    ...f.labels.map((l): [string, string] => [
      `Label ${l.name}`,
      `in ${l.cases} of ${f.labelsRead} cases, median ${l.medianMl} mL in ${l.components} part${
        l.components === 1 ? "" : "s"
      }, ${percent(l.share)} of voxels`,
    ]),
    ...Object.entries(f.classes).map(([name, n]): [string, string] => [`Class ${name}`, `${n} cases`]),
    [
      "Window",
      `${by(recipe.roi)} voxels, ${recipe.batchSize} an update, in ${recipe.templates ? "two views" : "one view"}`,
    ],
    ["Updates", `${recipe.steps} of the final network, ${recipe.foldSteps} of each fold`],
    ["Rate", `${recipe.learningRate} after ${recipe.warmupSteps} updates of warm-up`],
    ["Memory", `${(expected.peakBytes / 1e9).toFixed(1)} GB in a step, predicted from the step's graph`],
    ...(expected.seconds === null ? [] : [
      [
        "Time",
        `${minutes(expected.seconds)} for the whole job, at ${expected.secondsPerUpdate} s an update`,
      ] satisfies [
        string,
        string,
      ],
    ]),
  ];
  const sampled = [
    f.headersRead < f.cases ? [`Sizes are of ${f.headersRead} of ${f.cases} cases, spread evenly.`] : [],
    f.task === "segmentation" && f.labelsRead < f.cases
      ? [`Labels are of ${f.labelsRead} of ${f.cases} label maps, spread evenly.`]
      : [],
    expected.isMeasured
      ? []
      : ["The time of an update is estimated; the job measures it on its device before it trains."],
  ].flat();
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return [
    ...rows.map(([name, text]) => `${name.padEnd(width)}${text}`),
    "",
    ...reasons.map((reason) => `- ${reason}`),
    ...sampled.map((note) => `- ${note}`),
  ];
}

const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
const minutes = (seconds: number) => seconds < 90 ? `${seconds} s` : `${(seconds / 60).toFixed(1)} min`;
