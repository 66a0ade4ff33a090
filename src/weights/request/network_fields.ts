/** The fields that say what a network is: its name, inputs, outputs and the parts of its file that are used. */
import { z } from "zod";
import { INPUTS, type Label, MODALITIES, type Modality } from "../../inference/mod.ts";
import { modelNameSchema } from "../../registry/mod.ts";
import { MAX_LABEL } from "../../volume/mod.ts";
import { coloured } from "./colours.ts";
import { type Field, parsed, partsOf } from "./field.ts";

const isInput = (name: string): name is Modality => (INPUTS as readonly string[]).includes(name);

/** Names with commas between. */
export const namesSchema = parsed((text) => {
  const parts = partsOf(text);
  if (parts.some((name) => name === "" || name.length > 100)) {
    throw new RangeError("expected names with commas between");
  }
  if (new Set(parts).size < parts.length) throw new RangeError("a name is there twice");
  return parts;
});

const modalities = namesSchema.transform((parts, context) => {
  if (parts.every(isInput)) return parts;
  const message = `expected modalities of ${MODALITIES.join(", ")}, with commas between`;
  context.issues.push({ code: "custom", input: parts, message });
  return z.NEVER;
});

/** Labels in the order of the network's channels, and whether the background is listed before them. */
interface Labels {
  readonly labels: readonly Label[];
  readonly background: boolean;
}

const labels = parsed((text): Labels => {
  const all = partsOf(text).map((part) => {
    const [, name = "", value] = /^([^=]{1,100})=(\d{1,5})$/.exec(part) ?? [];
    if (name === "" || Number(value) > MAX_LABEL) {
      throw new RangeError(`expected name=value with commas between, values from 1 to ${MAX_LABEL}`);
    }
    return { name, value: Number(value) };
  });
  const background = all[0].value === 0;
  const named = background ? all.slice(1) : all;
  if (named.length === 0 || named.some(({ value }) => value === 0)) {
    throw new RangeError("expected labels, and the value 0 for the background alone, before them");
  }
  return { labels: coloured(named), background };
});

const WIDTH = "expected a whole number from 1 to 4096";

/** Everything but the name is optional: a file may state it. */
export const NETWORK_FIELDS = {
  name: {
    value: "NAME",
    schema: modelNameSchema.describe("The model to be made; if it exists it gets a further version"),
  },
  modalities: {
    value: "LIST",
    schema: modalities.optional().describe(
      "Input channels in order, t1,t1c,…; of an encoder the modalities of its templates. Official files with eight " +
        "templates need none",
    ),
  },
  labels: {
    value: "LIST",
    schema: labels.optional().describe(
      "Makes a segmentation: name=value of each output in order, with commas between. Where the first output is the " +
        "background it may stand before them as background=0",
    ),
  },
  classes: {
    value: "LIST",
    schema: namesSchema.optional().describe("Makes a classification: the names of its outputs in order"),
  },
  features: {
    value: "LIST",
    schema: namesSchema.optional().describe(
      "ONNX: names of the feature maps on which a fine-tune may build, with commas between; auto: the ends of its stages",
    ),
  },
  output: {
    value: "NAME",
    schema: z.string().min(1).max(500).optional().describe(
      "ONNX: the graph's output that holds the answer. Default: the first",
    ),
  },
  layout: {
    value: "channels-last",
    schema: z.literal("channels-last", 'expected "channels-last"').optional().describe(
      "ONNX: channels-last, where images in the graph are [N, X, Y, Z, C]",
    ),
  },
  configuration: {
    value: "NAME",
    schema: z.string().min(1).max(100).optional().describe(
      "nnU-Net: the configuration of plans.json. Default: that of the checkpoint, or 3d_fullres",
    ),
  },
  headDim: {
    value: "N",
    schema: z.coerce.number(WIDTH).int(WIDTH).min(1, WIDTH).max(4096, WIDTH).optional()
      .describe("UniFormer: channels of an attention head, which shapes do not show. Default: the width of stage 1"),
  },
  licence: {
    value: "TEXT",
    schema: z.string().min(1).max(1000).optional().describe("Licence of the weights, for the manifest"),
  },
} satisfies Readonly<Record<string, Field>>;
