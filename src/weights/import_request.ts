/** The request of an import of weights, as flags and query parameters write it. */
import { z } from "zod";
import { type Label, MODALITIES, type Modality } from "../inference/mod.ts";
import { LABEL_COLOURS, modelNameSchema } from "../registry/mod.ts";
import { CROP_EDGE } from "../train/mod.ts";
import { MAX_LABEL } from "../volume/mod.ts";

const partsOf = (text: string) => text.split(",").map((part) => part.trim());
const isModality = (name: string): name is Modality => (MODALITIES as readonly string[]).includes(name);

/** A text that `parse` turns into a value; the message of an error that it throws is the fault of the text. */
function parsed<T>(parse: (text: string) => T) {
  return z.string().max(10_000).transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.issues.push({ code: "custom", input: text, message: (error as Error).message });
      return z.NEVER;
    }
  });
}

const names = parsed((text) => {
  const parts = partsOf(text);
  if (parts.some((name) => name === "" || name.length > 100)) {
    throw new RangeError("expected names with commas between");
  }
  if (new Set(parts).size < parts.length) throw new RangeError("a name is there twice");
  return parts;
});

const modalities = names.transform((parts, context) => {
  if (parts.every(isModality)) return parts;
  const message = `expected modalities of ${MODALITIES.join(", ")}, with commas between`;
  context.issues.push({ code: "custom", input: parts, message });
  return z.NEVER;
});

const labels = parsed((text) =>
  partsOf(text).map((part, i): Label => {
    const [, name = "", value] = /^([^=]{1,100})=(\d{1,5})$/.exec(part) ?? [];
    if (name === "" || Number(value) < 1 || Number(value) > MAX_LABEL) {
      throw new RangeError(`expected name=value with commas between, values from 1 to ${MAX_LABEL}`);
    }
    return { name, value: Number(value), colour: LABEL_COLOURS[i % LABEL_COLOURS.length] };
  })
);

/** Edge of the official segmentation windows (docs/method B.3 row 22), voxels. */
export const DEFAULT_EDGE = 96;
const WIDTH = "expected a whole number from 1 to 4096";
const { multiple, most, expected } = CROP_EDGE;
const EDGE = `expected ${expected}`;
const edge = z.coerce.number(EDGE).int(EDGE).min(multiple, EDGE).max(most, EDGE).multipleOf(multiple, EDGE);

/** Everything but the name is optional: a file may state it. */
export const importRequestSchema = z.strictObject({
  name: modelNameSchema.describe("The model to be made; if it exists it gets a further version"),
  modalities: modalities.optional().describe(
    "Input channels in order, t1,t1c,…; of an encoder the modalities of its templates. Official files with eight " +
      "templates need none",
  ),
  labels: labels.optional().describe("Makes a segmentation: name=value of each output in order, with commas between"),
  classes: names.optional().describe("Makes a classification: the names of its outputs in order"),
  features: names.optional().describe(
    "ONNX: names of the feature maps on which a fine-tune may build, with commas between",
  ),
  headDim: z.coerce.number(WIDTH).int(WIDTH).min(1, WIDTH).max(4096, WIDTH).optional()
    .describe("UniFormer: channels of an attention head, which shapes do not show. Default: the width of stage 1"),
  roi: edge.optional().describe(
    `Edge of the window that the network is written for, voxels, ${expected}. Default ${DEFAULT_EDGE}`,
  ),
  licence: z.string().min(1).max(1000).optional().describe("Licence of the weights, for the manifest"),
});
export type ImportRequest = z.infer<typeof importRequestSchema>;
