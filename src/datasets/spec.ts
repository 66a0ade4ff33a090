/**
 * The schemas of data sets: of the request that makes one, which our own `dataset.json` shares, and of the replies. Beside
 * them the rules that a schema cannot express.
 */
import { z } from "zod";
import { INPUTS, type Label, wrongInputs } from "../inference/mod.ts";
import { LABEL_COLOURS, labelSchema } from "../registry/mod.ts";
import { DomainError } from "../storage/mod.ts";
import { MAX_LABEL } from "../volume/mod.ts";
import {
  type CaseChange,
  CHECK_CODES,
  type DatasetDetail,
  type DatasetLabel,
  type DatasetSpec,
  type DatasetSummary,
  type DatasetTask,
  PATIENT_SOURCES,
  type Skip,
} from "./types.ts";

export const datasetNameSchema = z.string().trim().min(1).max(200);
const labelNameSchema = z.string().trim().min(1).max(100);
const taskSchema = z.enum(["segmentation", "classification"]) satisfies z.ZodType<DatasetTask>;
const inputSchema = z.enum(INPUTS);

/** A case's or patient's name: any line of text; it is data, never part of a path. */
// deno-lint-ignore no-control-regex
export const caseNameSchema = z.string().min(1).max(200).regex(/^[^\u0000-\u001f]*$/, "expected one line of text");

/** Most cases of one request that changes several. */
const MAX_CHANGES = 10_000;

export const caseChangesSchema = z.strictObject({
  cases: z.array(z.strictObject({
    case: caseNameSchema,
    patient: caseNameSchema.nullable().optional().describe("null: the case's name tells again."),
    class: z.string().min(1).max(100).optional(),
    excluded: z.string().trim().min(1).max(500).nullable().optional().describe(
      "Why trainings leave it out; null: they take it.",
    ),
    delete: z.literal(true).optional().describe("Removes the case with its files."),
  })).min(1).max(MAX_CHANGES),
}) satisfies z.ZodType<{ cases: CaseChange[] }>;

export const patientsGivenSchema = z.union([
  z.strictObject({
    rule: z.string().min(1).max(100).describe(
      "Regular expression whose one group is the patient in a case's name: ^(P[0-9]+)_",
    ),
  }),
  z.strictObject({
    table: z.string().min(1).max(4_000_000).describe(
      "Comma-separated values with the columns case, patient and perhaps class, or the participants.tsv of BIDS.",
    ),
  }),
]);

export const skipSchema = z.union([z.literal("errors"), z.array(caseNameSchema).min(1).max(MAX_CHANGES)])
  .describe(
    'Cases to leave out: "errors" for those whose checks fail, or names. Those that the data set excludes are left out ' +
      "always.",
  ) satisfies z.ZodType<Skip>;

export const caseClassSchema = z.strictObject({
  class: z.string().min(1).max(100),
  patient: caseNameSchema.optional().describe("Cases of one patient are validated together."),
});

/** Labels of a data set, and values of one of them: more are a mistake. */
const MAX_LABELS = 255;

export const datasetLabelSchema = z.strictObject({
  name: labelNameSchema,
  values: z.array(z.int().min(1).max(MAX_LABEL)).min(1).max(MAX_LABELS),
  /** Value in written masks; default: one that the later labels do not have. */
  value: z.int().min(1).max(MAX_LABEL).optional(),
  colour: z.string().regex(/^#[0-9a-f]{6}$/i, "expected #rrggbb").optional(),
});

export const datasetSpecSchema = z.strictObject({
  name: datasetNameSchema,
  task: taskSchema,
  modalities: z.array(inputSchema).min(1).max(INPUTS.length),
  labels: z.array(datasetLabelSchema).max(MAX_LABELS).optional(),
  classes: z.array(labelNameSchema).max(1000).optional(),
}) satisfies z.ZodType<DatasetSpec>;

const wholeNumber = z.int().min(0);
const summaryShape = {
  id: z.string(),
  name: z.string(),
  task: taskSchema,
  modalities: z.array(inputSchema),
  labels: z.array(labelSchema) satisfies z.ZodType<Label[]>,
  classes: z.array(z.string()),
  createdAt: z.iso.datetime(),
  caseCount: z.int().min(0),
};
export const datasetSummarySchema = z.strictObject(summaryShape) satisfies z.ZodType<DatasetSummary>;

export const datasetDetailSchema = z.strictObject({
  ...summaryShape,
  cases: z.array(z.strictObject({
    case: z.string(),
    patient: z.string(),
    patientFrom: z.enum(PATIENT_SOURCES).describe("How the patient was found."),
    excluded: z.string().optional().describe("Why trainings leave it out; absent: they do not."),
    modalities: z.array(inputSchema),
    hasLabel: z.boolean(),
    class: z.string().optional(),
  })),
  checks: z.array(z.strictObject({
    case: z.string(),
    code: z.enum(CHECK_CODES),
    severity: z.enum(["error", "warning"]),
    detail: z.string(),
  })),
  patients: z.strictObject({ count: wholeNumber, named: wholeNumber, rule: wholeNumber, caseName: wholeNumber })
    .describe("Numbers of patients, and of cases by how their patient was found. Excluded cases do not count."),
  hash: z.string(),
  ready: z.boolean().describe("It can be trained on."),
}) satisfies z.ZodType<DatasetDetail>;

/**
 * Checks the rules that the schema cannot express.
 * @throws {DomainError} `invalid-dataset`
 */
export function checkSpec({ task, modalities, labels = [], classes = [] }: DatasetSpec): void {
  const repeated = (values: readonly string[]) => new Set(values).size < values.length;
  if (repeated(modalities)) throw refuse("a modality is named twice");
  if (repeated(classes)) throw refuse("a class is named twice");
  if (task === "segmentation" && labels.length === 0) throw refuse("a segmentation needs labels");
  if (task === "classification" && classes.length < 2) throw refuse("a classification needs two classes or more");
  const wrong = wrongInputs({ task, modalities });
  if (wrong !== null) throw refuse(wrong);
  labelsOf(labels);
}

/**
 * The labels of a model from a data set's regions: fills in written values and colours. A region is written with a value
 * that no later region has, so that writing the regions in order gives the reference label map back:
 * WT {1, 2, 4}, TC {1, 4}, ET {4} get 2, 1, 4.
 * @throws {DomainError} `invalid-dataset`
 */
export function labelsOf(regions: readonly DatasetLabel[]): Label[] {
  const taken = new Set<number>();
  const labels = regions.map((region, i): Label => {
    const { name, values, colour = LABEL_COLOURS[i % LABEL_COLOURS.length] } = region;
    const later = new Set(regions.slice(i + 1).flatMap((r) => r.values));
    const own = values.filter((v) => !later.has(v) && !taken.has(v));
    const value = region.value ?? (own.length > 0 ? Math.min(...own) : firstFree(regions, taken));
    if (taken.has(value)) throw refuse(`two labels are written as ${value}`);
    taken.add(value);
    return { name, value, sourceValues: [...values].sort((a, b) => a - b), colour };
  });
  if (new Set(labels.map((l) => l.name)).size < labels.length) throw refuse("two labels have the same name");
  return labels;
}

function firstFree(regions: readonly DatasetLabel[], taken: ReadonlySet<number>): number {
  const used = new Set([...taken, ...regions.flatMap((r) => [...r.values, ...r.value ? [r.value] : []])]);
  for (let value = 1; value <= MAX_LABEL; value++) if (!used.has(value)) return value;
  throw refuse(`more labels than ${MAX_LABEL} values can tell apart`);
}

/** The refusal of the files of a data set; `why` holds no file names, which may be patients'. */
export function invalidDataset(why: string): DomainError {
  return new DomainError("invalid-dataset", `Cannot read the data set: ${why}`);
}

function refuse(why: string): DomainError {
  return new DomainError("invalid-dataset", `Cannot make the data set: ${why}`);
}
