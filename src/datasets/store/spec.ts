/** The schema of what a data set is made from; the server and the Sulcus layout both check with it. */
import { z } from "zod";
import { INPUTS, wrongInputs } from "../../inference/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { labelsOf } from "../checks/labels.ts";
import type { DatasetSpec } from "../types.ts";

const name = z.string().trim().min(1).max(100);
/** A case's or patient's name: any line of text; it is data, never part of a path. */
// deno-lint-ignore no-control-regex
export const caseNameSchema = z.string().min(1).max(200).regex(/^[^\u0000-\u001f]*$/, "expected one line of text");

export const datasetLabelSchema = z.strictObject({
  name,
  values: z.array(z.int().min(1).max(65_535)).min(1).max(255),
  /** Value in written masks; default: one that the later labels do not have. */
  value: z.int().min(1).max(255).optional(),
  colour: z.string().regex(/^#[0-9a-f]{6}$/i, "expected #rrggbb").optional(),
});

export const datasetSpecSchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  task: z.enum(["segmentation", "classification"]),
  modalities: z.array(z.enum(INPUTS)).min(1).max(INPUTS.length),
  labels: z.array(datasetLabelSchema).max(255).optional(),
  classes: z.array(name).max(1000).optional(),
}) satisfies z.ZodType<DatasetSpec>;

/**
 * Checks what the schema cannot say.
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

function refuse(why: string): DomainError {
  return new DomainError("invalid-dataset", `Cannot make the data set: ${why}`);
}
