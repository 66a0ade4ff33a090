/** Schemas of replies about files of weights: the report of an import, and what a file holds before it is imported. */
import { z } from "zod";
import { MODALITIES } from "../../inference/mod.ts";
import { specSchema } from "../../registry/mod.ts";
import { FORMAT_NAMES, type GraphFacts, type ImportReport, type Inspection } from "../../weights/mod.ts";
import { named } from "./named.ts";
import { versionShape } from "./replies.ts";

const count = z.int().min(0);
const sizes = z.tuple([z.int(), z.int(), z.int()]);
const source = z.strictObject({ bytes: count, sha256: z.string() });

const graphValueSchema = named(
  "GraphValue",
  z.strictObject({
    name: z.string(),
    dtype: z.string(),
    dims: z.array(z.union([z.int(), z.string()])).nullable().describe("A size, or the name of an open one."),
  }),
);

const featureMapSchema = named(
  "FeatureMap",
  z.strictObject({
    name: z.string(),
    channels: count,
    strides: sizes.describe("Voxels of the image per voxel of the map."),
    layout: z.enum(["map", "channels-last", "tokens"]),
    grid: sizes,
    receptiveWindow: sizes.optional().describe(
      "Voxels of the image that reach one voxel; absent: attention mixes all.",
    ),
    stage: z.boolean().describe("One of those that `features=auto` chooses."),
  }),
);

const graphFactsSchema = named(
  "GraphFacts",
  z.strictObject({
    producer: z.string(),
    opset: z.int(),
    parameters: count,
    inputs: z.array(graphValueSchema),
    outputs: z.array(graphValueSchema),
    widened: z.array(z.string()).describe("Weights, inputs and outputs that are kept in a wider type."),
    layout: z.enum(["channels-first", "channels-last"]).nullable(),
    finalActivation: z.array(
      z.strictObject({ output: z.string(), kind: z.enum(["sigmoid", "softmax", "argmax", "none"]) }),
    ),
    input: z.array(z.int()).nullable().describe("The input [N, C, X, Y, Z] for which the feature maps hold."),
    features: z.array(featureMapSchema).describe("Maps on which a fine-tune may build."),
    unsupported: z.string().nullable().describe("Why the graph cannot be used."),
  }),
) satisfies z.ZodType<GraphFacts>;

const architecture = specSchema.shape.architecture;
const assumed = z.array(z.string()).describe("Facts that the file does not contain.");
const keys = z.array(z.string());

/** The fate of each tensor of an imported file of weights. */
const importReportSchema = named(
  "ImportReport",
  z.strictObject({
    format: z.enum(FORMAT_NAMES),
    source,
    network: architecture,
    loaded: keys,
    dropped: z.array(z.strictObject({ key: z.string(), why: z.string() })),
    missing: keys.describe("Fresh in the network."),
    converted: z.array(z.strictObject({ key: z.string(), from: z.string() })).describe("Stored as other than float32."),
    templates: z.array(z.enum(MODALITIES)),
    assumed,
    batchesTracked: count.nullable(),
    graph: graphFactsSchema.optional(),
  }),
) satisfies z.ZodType<ImportReport>;

export const importedModelSchema = named(
  "ImportedModel",
  z.strictObject({ ...versionShape, report: importReportSchema }),
);

export const inspectionSchema = named(
  "Inspection",
  z.strictObject({
    format: z.enum(FORMAT_NAMES),
    source,
    graph: graphFactsSchema.nullable(),
    weights: z.strictObject({
      tensors: count,
      parameters: count,
      network: architecture.nullable(),
      templates: count,
      described: z.boolean().describe("The file says itself how it is used."),
      unsupported: z.string().nullable(),
    }).nullable(),
    spec: specSchema.nullable().describe("What an import with this query would make."),
    assumed,
    refused: z.string().nullable().describe("Why an import with this query would be refused."),
  }),
) satisfies z.ZodType<Inspection>;
