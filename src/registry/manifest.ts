/** The schema of a model package's `manifest.json`. Of `network.onnx` it knows only the sha256. */
import { z } from "zod";
import {
  ACTIVATIONS,
  ARCHITECTURE_KINDS,
  INPUTS,
  MODALITIES,
  type ModelSpec,
  TASKS,
  templateFile,
  wrongArchitecture,
  wrongInference,
  wrongInputs,
  wrongPreprocessing,
} from "../inference/mod.ts";
import { DomainError, unstorable } from "../storage/mod.ts";
import { BLENDINGS, MAX_LABEL, PLACINGS } from "../volume/mod.ts";
import { preprocessingSchema } from "./preprocessing_schema.ts";
import { qualitySchema } from "./quality_schema.ts";

/** Version of this schema; a reader refuses a newer one. */
export const MANIFEST_FORMAT = 1;

/** Lower-case letters, digits, `-` and `_`; begins with a letter or digit; at most 64 characters. */
export const modelNameSchema = z.string().regex(
  /^[a-z0-9][a-z0-9_-]{0,63}$/,
  "expected 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit",
);
export const MAX_VERSION = 1_000_000;
export const versionSchema = z.int().min(1).max(MAX_VERSION);

/** The files that a package may hold beside `manifest.json`. */
export const PACKAGE_FILE = new RegExp(
  `^(network\\.onnx|report\\.(json|html)|${MODALITIES.map(templateFile).join("|").replaceAll(".", "\\.")})$`,
);

/** Colours of labels that people with any colour vision distinguish (Okabe and Ito's palette). */
export const LABEL_COLOURS = ["#e69f00", "#56b4e9", "#d55e00", "#009e73", "#f0e442", "#cc79a7", "#0072b2"] as const;

const text = z.string().max(10_000);
const size = z.int().min(1).max(1024);
const sizes = z.tuple([size, size, size]);
const share = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
const metricsSchema = z.record(z.string(), z.number().nullable());

export const labelSchema = z.strictObject({
  name: z.string().min(1).max(100),
  value: z.int().min(1).max(MAX_LABEL),
  sourceValues: z.array(z.int().min(1).max(MAX_LABEL)).min(1).optional(),
  colour: z.string().regex(/^#[0-9a-f]{6}$/i, "expected #rrggbb"),
  /** Absent in manifests written before it was measured. */
  trainingMl: z.strictObject({ min: z.number().nonnegative(), max: z.number().nonnegative() }).optional(),
});

const overlap = z.number().min(0).lt(1);
const unit = z.string().max(50);
const ofLabels = { labels: z.array(z.string()).min(1).optional() };
const together = z.boolean().optional();
const postprocessingSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("largest-component"), ...ofLabels, together }),
  z.strictObject({
    kind: z.literal("smallest-size"),
    ml: z.number().positive().optional(),
    voxels: z.int().min(1).optional(),
    ...ofLabels,
    together,
  }),
  z.strictObject({ kind: z.literal("fill-holes"), ...ofLabels }),
]);

const specShape = {
  task: z.enum(TASKS),
  architecture: z.strictObject({ kind: z.enum(ARCHITECTURE_KINDS), config: z.record(z.string(), z.json()) }),
  modalities: z.array(z.enum(INPUTS)).min(1).max(64),
  labels: z.array(labelSchema).max(255),
  classes: z.array(z.string().min(1).max(100)).max(1000),
  preprocessing: preprocessingSchema,
  inference: z.strictObject({
    roi: sizes,
    overlap: z.union([overlap, z.tuple([overlap, overlap, overlap])]),
    blending: z.enum(BLENDINGS),
    threshold: share,
    activation: z.enum(ACTIVATIONS).optional(),
    paintOrder: z.array(z.int().min(1).max(MAX_LABEL)).min(1).optional(),
    placing: z.enum(PLACINGS).optional(),
    mirrored: z.array(z.literal([0, 1, 2])).max(3).optional(),
    restored: z.enum(["logits", "probabilities"]).optional(),
    postprocessing: z.array(postprocessingSchema).max(20).optional(),
    unit: z.union([unit, z.array(unit).min(1)]).optional(),
  }),
  /** Absent in manifests written before it was measured, and of packages that no fine-tune made. */
  quality: qualitySchema.optional(),
};

/** The part of a manifest that inference and training need; see {@link specOf}. */
export const specSchema = z.strictObject(specShape);

export const provenanceSchema = z.strictObject({
  baseModel: modelNameSchema.optional(),
  baseVersion: versionSchema.optional(),
  datasetHash: sha256.optional(),
  /** The job that made this version; the same job never makes a second one. */
  job: z.string().max(100).optional(),
  /** The recipe with every default filled in. */
  recipe: z.record(z.string(), z.json()),
  seed: z.int().nullable(),
  /** Name → version of the programs that took part. */
  software: z.record(z.string(), z.string()),
  metrics: metricsSchema,
  /** Why the result of a training should not be used as it is, and providers that could not do it; absent: none. */
  warnings: z.array(z.strictObject({ code: z.string().min(1).max(100), detail: text })).max(100).optional(),
  createdAt: z.iso.datetime(),
  note: text,
});

const shape = z.strictObject({
  formatVersion: z.literal(MANIFEST_FORMAT),
  name: modelNameSchema,
  version: versionSchema,
  ...specShape,
  provenance: provenanceSchema,
  licence: text,
  intendedUse: text,
  /** Path inside the package → sha256; every file of the package but the manifest itself. */
  files: z.record(z.string().regex(PACKAGE_FILE, "not a file that packages hold"), sha256),
}) satisfies z.ZodType<ModelSpec>;

export const manifestSchema = shape.check(({ value, issues }) => {
  const refuse = (path: string, message: string) =>
    issues.push({ code: "custom", input: value, path: [path], message });
  const repeated = (values: readonly (string | number)[]) => new Set(values).size < values.length;
  if (!("network.onnx" in value.files)) refuse("files", "network.onnx is missing");
  const architecture = wrongArchitecture(value.architecture);
  if (architecture !== null) refuse("architecture", architecture);
  const inputs = wrongInputs(value);
  if (inputs !== null) refuse("modalities", inputs);
  if (value.task === "segmentation" && value.labels.length === 0) refuse("labels", "a segmentation needs labels");
  const settings = wrongInference(value);
  if (settings !== null) refuse(settings.path, settings.why);
  if (repeated(value.labels.map((l) => l.name))) refuse("labels", "two labels have the same name");
  if (repeated(value.labels.map((l) => l.value))) refuse("labels", "two labels have the same value");
  if (repeated(value.classes)) refuse("classes", "two classes have the same name");
  const preprocessing = wrongPreprocessing(value.preprocessing, value.modalities.length);
  if (preprocessing !== null) refuse("preprocessing", preprocessing);
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Provenance = z.infer<typeof provenanceSchema>;

/** A manifest before its package is written: the writer adds the format, the version and the hashes. */
export type ManifestDraft = Omit<Manifest, "formatVersion" | "version" | "files">;

/**
 * Checks a parsed `manifest.json`.
 * @throws {DomainError} `invalid-manifest`, naming the first wrong fields
 */
export function parseManifest(value: unknown): Manifest {
  const wrongText = unstorable(value);
  if (wrongText !== null) {
    throw new DomainError("invalid-manifest", `Cannot read a model manifest: it holds ${wrongText}`);
  }
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const wrong = result.error.issues.slice(0, 3).map((i) => `${i.path.join(".") || "manifest"}: ${i.message}`);
  throw new DomainError("invalid-manifest", `Cannot read a model manifest: ${wrong.join("; ")}`);
}

/** The part of a manifest that inference and training need. */
export function specOf(manifest: Manifest): ModelSpec {
  const { task, architecture, modalities, labels, classes, preprocessing, inference, quality } = manifest;
  const spec = { task, architecture, modalities, labels, classes, preprocessing, inference };
  return quality === undefined ? spec : { ...spec, quality };
}
