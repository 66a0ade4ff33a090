/**
 * Files of weights as model packages: official BrainMVP checkpoints, safetensors, ONNX graphs. Writes a package's files
 * into a folder and drafts its manifest; versions and states are the store's.
 */
import project from "../../deno.json" with { type: "json" };
import { z } from "zod";
import {
  decodeModel,
  encodeModel,
  IMPORT_LIMITS,
  importModel,
  type RawModel,
  sameShape,
  sizeOf,
} from "../graph/mod.ts";
import {
  type Architecture,
  MODALITIES,
  type Modality,
  type ModelSpec,
  type Task,
  writeTemplate,
} from "../inference/mod.ts";
import {
  batchesTracked,
  buildNetwork,
  downstreamSpec,
  featureDecoder,
  finiteFloats,
  identifyNetwork,
  isEncoderKind,
  type LoadPlan,
  netOf,
  type NetworkSpec,
  planLoading,
  type Shapes,
  type StoredTensor,
  TEMPLATE_KEY,
  weightsOf,
  withPlainKeys,
} from "../nets/mod.ts";
import type { Triple } from "../volume/mod.ts";
import { digestFile, type ReceivedFile, writeFileAtomic } from "./files.ts";
import type { ImportRequest } from "./import_request.ts";
import { type ManifestDraft, specSchema } from "./manifest.ts";
import { readWeightFile, type WeightFile, type WeightFormat, weightFormatOf } from "./weight_file.ts";

/** What became of a file; kept in the package as `report.json`. Keys are those of METHODS.md A. */
export interface ImportReport extends LoadPlan {
  readonly format: WeightFormat;
  readonly source: ReceivedFile;
  readonly network: Architecture;
  /** Weights that the file stores in another type than float32. */
  readonly converted: readonly { readonly key: string; readonly from: string }[];
  /** Modalities whose templates the package holds. */
  readonly templates: readonly Modality[];
  /** What the file does not tell and was taken for granted. */
  readonly assumed: readonly string[];
  /** Batches that BatchNormalizations have seen; null where the file does not say, or says different numbers. */
  readonly batchesTracked: number | null;
}

export interface Imported {
  readonly draft: ManifestDraft;
  readonly report: ImportReport;
}

/** The order of the eight templates in official files (METHODS.md A.1.3). */
const OFFICIAL_TEMPLATES: readonly Modality[] = ["flair", "t1", "t1c", "t2", "mra", "pd", "dwi", "adc"];
/** Key of what `exportWeights()` says of a package in the file's metadata. */
export const METADATA_KEY = "sulcus";
const descriptionSchema = z.strictObject({ spec: specSchema, templates: z.array(z.enum(MODALITIES)) });
const COUNTER = ".num_batches_tracked";
/** What is fresh in a network that was made from an encoder. */
const SEED = 0;

/** METHODS.md B.3: what BrainMVP's downstream networks expect. */
const PREPROCESSING: ModelSpec["preprocessing"] = {
  spacingMm: [1, 1, 1],
  percentiles: { lower: 5, upper: 95, clip: false },
  foregroundMargin: 1,
  percentilesOver: "volume",
  resize: [128, 128, 64],
};

/**
 * Writes `network.onnx`, templates and `report.json` for a file into the folder `out`.
 * @throws {DomainError} the archive is refused
 * @throws {SyntaxError | TypeError | RangeError} the weights are refused, with the reason
 */
export async function importWeights(path: string, request: ImportRequest, out: string): Promise<Imported> {
  const format = await weightFormatOf(path);
  const source = await digestFile(path);
  const { spec, report } = format === "onnx"
    ? await fromOnnx(path, request, out)
    : await fromTensors(await readWeightFile(path, format), request, out);
  const full: ImportReport = { format, source: { bytes: source.bytes, sha256: source.sha256 }, ...report };
  await writeFileAtomic(`${out}/report.json`, JSON.stringify(full, null, 2));
  return { draft: draftOf(spec, { request, report: full }), report: full };
}

type Outcome = { readonly spec: ModelSpec; readonly report: Omit<ImportReport, "format" | "source"> };

/** What `exportWeights()` says of a package in the metadata of its file. */
interface Described {
  readonly spec: ModelSpec;
  /** Modalities of the file's templates, in order. */
  readonly templates: readonly Modality[];
}

async function fromTensors(file: WeightFile, request: ImportRequest, out: string): Promise<Outcome> {
  const tensors = withPlainKeys(file.tensors);
  const shapes: Shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
  const described = describedBy(file.metadata);
  const { from, sizes, assumed } = networkIn(shapes, { request, described });
  const spec = specFor(request, { from, sizes, described, templates: shapes.get(TEMPLATE_KEY)?.[0] });
  const to = spec.architecture;
  const plan = planLoading(shapes, { from, to });
  refuseIncomplete(plan, { from, to });
  const weights = weightsOf(tensors, { to, plan, seed: SEED });
  const outputs = isEncoderKind(to) ? "training" : "inference"; // an encoder shows its features
  const input = [1, netOf(to).example[1], ...spec.inference.roi];
  const graph = buildNetwork(to, { input, weights, outputs });
  await Deno.writeFile(`${out}/network.onnx`, encodeModel(graph));
  const isHeld = (key: string) => graph.constants.has(key) || key.endsWith(COUNTER);
  const { templates, dropped } = await writeTemplates(tensors.get(TEMPLATE_KEY), { spec, described, out });
  return {
    spec,
    report: {
      network: to,
      loaded: plan.loaded.filter(isHeld),
      dropped: [
        ...plan.dropped,
        ...plan.loaded.filter((key) => !isHeld(key)).map((key) => ({ key, why: "is used in training only" })),
        ...dropped,
      ],
      missing: plan.missing,
      converted: plan.loaded.flatMap((key) => {
        const { dtype } = tensors.get(key)!;
        return dtype === "float32" || key.endsWith(COUNTER) ? [] : [{ key, from: dtype }];
      }),
      templates,
      assumed,
      batchesTracked: batchesTracked(tensors),
    },
  };
}

function refuse(why: string): never {
  throw new TypeError(`Cannot import the weights: ${why}`);
}

function describedBy(metadata: WeightFile["metadata"]): Described | undefined {
  const text = metadata[METADATA_KEY];
  if (text === undefined) return undefined;
  try {
    return descriptionSchema.parse(JSON.parse(text));
  } catch {
    refuse(`expected the entry "${METADATA_KEY}" of its metadata to describe a model`);
  }
}

interface Given {
  readonly request: ImportRequest;
  readonly described: Described | undefined;
}

/** Heads of deep supervision, which files of networks for inference leave out. */
const OF_TRAINING = ["multiScale", "deepSupervision"];

/** The file's network; what the metadata says of it must agree with keys and shapes. */
function networkIn(
  shapes: Shapes,
  { request, described }: Given,
): { from: NetworkSpec; sizes: NetworkSpec["config"]; assumed: readonly string[] } {
  const claimed = described?.spec.architecture;
  const claimedDim = claimed?.config.headDim;
  const found = identifyNetwork(shapes, {
    headDim: request.headDim ?? (typeof claimedDim === "number" ? claimedDim : undefined),
    segmentation: request.labels !== undefined || described?.spec.task === "segmentation",
  });
  const { kind, config } = found.spec;
  const { assumed } = found;
  if (claimed === undefined) return { from: found.spec, sizes: config, assumed };
  const differs = Object.keys(claimed.config).find((name) =>
    !OF_TRAINING.includes(name) && name !== "headDim" && String(claimed.config[name]) !== String(config[name])
  );
  if (claimed.kind !== kind || differs !== undefined) {
    refuse(`its metadata describes another network (${claimed.kind}, ${differs ?? "kind"}) than its tensors (${kind})`);
  }
  const asked = request.headDim === undefined ? {} : { headDim: request.headDim };
  return { from: { kind, config: { ...claimed.config, ...asked } }, sizes: config, assumed };
}

interface Known {
  readonly from: NetworkSpec;
  /** The configuration of `from`, complete. */
  readonly sizes: NetworkSpec["config"];
  readonly described: Described | undefined;
  /** How many templates the file has. */
  readonly templates?: number;
}

/** What the package is to be, from what was asked and what the file says. */
function specFor(request: ImportRequest, { from, sizes, described, templates }: Known): ModelSpec {
  const own = described?.spec;
  const task = taskOf(request, { from, sizes, described });
  const labels = task === "segmentation" ? request.labels ?? own?.labels ?? [] : [];
  const classes = task === "classification" ? request.classes ?? own?.classes ?? [] : [];
  const outputs = task === "segmentation" ? labels.length : classes.length;
  const isDownstream = task !== "encoder" && isEncoderKind(from);
  const modalities = request.modalities ?? (isDownstream ? undefined : own?.modalities) ??
    (task === "encoder" && templates === OFFICIAL_TEMPLATES.length ? OFFICIAL_TEMPLATES : undefined) ??
    refuse(`expected modalities to be given${templates === undefined ? "" : ` (the file has ${templates} templates)`}`);
  const architecture = isDownstream ? downstreamSpec(from, { task, inputs: modalities.length, outputs }) : from;
  if (!isDownstream) checkCounts(sizes, { task, modalities, outputs });
  return {
    task,
    architecture,
    modalities,
    labels,
    classes,
    preprocessing: own?.preprocessing ?? PREPROCESSING,
    inference: inferenceFor(task, { roi: request.roi, described: own }),
  };
}

function taskOf(request: ImportRequest, { from, sizes, described }: Omit<Known, "templates">): Task {
  if (request.labels && request.classes) refuse("expected labels or classes, got both");
  const asked = request.labels ? "segmentation" : request.classes ? "classification" : described?.spec.task;
  const own: Task = isEncoderKind(from)
    ? "encoder"
    : from.kind.endsWith("-classifier")
    ? "classification"
    : "segmentation";
  if (own === "encoder" || asked === own) return asked ?? own;
  if (asked !== undefined) refuse(`expected a network for a ${asked}, got one for a ${own}`);
  const { outChannels, classes } = sizes;
  return own === "segmentation"
    ? refuse(`expected labels for the ${outChannels} outputs of this segmentation network`)
    : refuse(`expected classes for the ${classes} outputs of this classification network`);
}

/** What was given must be as many as the network has. */
function checkCounts(
  { inChannels, outChannels, classes }: NetworkSpec["config"],
  { task, modalities, outputs }: { task: Task; modalities: readonly Modality[]; outputs: number },
): void {
  if (task === "encoder") return;
  if (modalities.length !== inChannels) refuse(`expected ${inChannels} modalities, got ${modalities.length}`);
  const expected = task === "segmentation" ? outChannels : classes;
  const what = task === "segmentation" ? "labels" : "classes";
  if (outputs !== expected) refuse(`expected ${expected} ${what}, got ${outputs}`);
}

function inferenceFor(
  task: Task,
  { roi, described }: { roi: number | undefined; described: ModelSpec | undefined },
): ModelSpec["inference"] {
  const official: ModelSpec["inference"] = {
    roi: task === "classification" ? [96, 96, 64] : [96, 96, 96],
    overlap: 0.5,
    blending: "constant",
    threshold: 0.5,
  };
  const inference = described?.inference ?? official;
  return roi === undefined ? inference : { ...inference, roi: [roi, roi, roi] };
}

/** The file of a whole network must hold all of it; only a network made from an encoder starts parts afresh. */
function refuseIncomplete({ missing }: LoadPlan, { from, to }: { from: NetworkSpec; to: NetworkSpec }): void {
  const needed = missing.filter((key) => !/^(ms_out|ds_out)\./.test(key)); // heads of training
  if (from.kind !== to.kind || needed.length === 0) return;
  refuse(`expected ${needed.slice(0, 3).join(", ")}${needed.length > 3 ? `, … (${needed.length})` : ""}, got none`);
}

/** Modalities of the file's templates, in order; null where it does not follow. */
function templateModalities(
  count: number,
  { spec, described }: { spec: ModelSpec; described: Described | undefined },
): readonly Modality[] | null {
  if (described !== undefined) return described.templates.length === count ? described.templates : null;
  if (spec.task === "encoder") {
    if (spec.modalities.length === count) return spec.modalities;
    refuse(`expected a modality for each of its ${count} templates, got ${spec.modalities.length}`);
  }
  return count === OFFICIAL_TEMPLATES.length ? OFFICIAL_TEMPLATES : null;
}

async function writeTemplates(
  stored: StoredTensor | undefined,
  { spec, described, out }: { spec: ModelSpec; described: Described | undefined; out: string },
): Promise<Pick<ImportReport, "templates" | "dropped">> {
  if (stored === undefined) return { templates: [], dropped: [] };
  const drop = (why: string) => ({ templates: [], dropped: [{ key: TEMPLATE_KEY, why }] });
  if (stored.shape.length !== 4 || sizeOf(stored.shape) === 0) return drop("is no stack of volumes");
  const [count, ...sizeVox] = stored.shape;
  const known = templateModalities(count, { spec, described });
  if (known === null) return drop("holds templates of modalities that are not known");
  const data = finiteFloats(TEMPLATE_KEY, stored).data as Float32Array;
  const voxels = sizeOf(sizeVox);
  const kept = known.filter((m) => spec.modalities.includes(m));
  for (const modality of kept) {
    const from = known.indexOf(modality) * voxels;
    await writeTemplate(out, modality, {
      data: data.subarray(from, from + voxels),
      sizeVox: sizeVox as unknown as Triple,
      spacingMm: spec.preprocessing.spacingMm,
    });
  }
  return { templates: kept, dropped: [] };
}

/** A graph that somebody else exported, kept as it is. */
async function fromOnnx(path: string, request: ImportRequest, out: string): Promise<Outcome> {
  const { size } = await Deno.stat(path);
  if (size > IMPORT_LIMITS.bytes) refuse(`expected at most ${IMPORT_LIMITS.bytes} bytes, got ${size}`);
  const bytes = await Deno.readFile(path);
  const roi = roiOf(decodeModel(bytes), request);
  const { modalities = refuse("expected modalities, the input's channels in order"), features } = request;
  const graph = importModel(bytes, { inputShape: [1, modalities.length, ...roi] });
  const task = request.labels ? "segmentation" : request.classes ? "classification" : "encoder";
  if (request.labels && request.classes) refuse("expected labels or classes, got both");
  if (features === undefined && task === "encoder") refuse("expected features, labels or classes to be given");
  if (features) featureDecoder({ graph, features }, { outChannels: 1, stemWidth: 1, maxWidth: 1 }); // refuses others
  const { labels = [], classes = [] } = request;
  const expected = task === "segmentation" ? [1, labels.length, ...roi] : [1, classes.length];
  const found = graph.types.get(graph.outputs[0])!.shape;
  if (task !== "encoder" && !sameShape(found, expected)) {
    refuse(`expected its first output to be [${expected}], got [${found}]`);
  }
  await Deno.writeFile(`${out}/network.onnx`, bytes);
  const spec: ModelSpec = {
    task,
    architecture: { kind: "onnx", config: features ? { features } : {} },
    modalities,
    labels,
    classes,
    preprocessing: task === "classification" ? { ...PREPROCESSING, resize: roi } : PREPROCESSING,
    inference: { ...inferenceFor(task, { roi: undefined, described: undefined }), roi },
  };
  const loaded = [...graph.constants.keys()];
  return {
    spec,
    report: {
      network: spec.architecture,
      loaded,
      dropped: [],
      missing: [],
      converted: [],
      templates: [],
      assumed: [],
      batchesTracked: null,
    },
  };
}

/** The window of a graph: what its input's shape says, or what was asked. */
function roiOf({ inputs }: RawModel, { roi = 96 }: ImportRequest): Triple {
  if (inputs.length !== 1 || inputs[0].dims.length !== 5) {
    refuse(
      `expected a graph with one input [N, C, X, Y, Z], got ${inputs.map((i) => `[${i.dims}]`).join(", ") || "none"}`,
    );
  }
  return inputs[0].dims.slice(2).map((d) => typeof d === "number" ? d : roi) as unknown as Triple;
}

function draftOf(
  spec: ModelSpec,
  { request, report }: { request: ImportRequest; report: ImportReport },
): ManifestDraft {
  const { format, source, missing, batchesTracked } = report;
  const fresh = missing.length > 0 && spec.task !== "encoder"
    ? ` ${missing.length} of its tensors are fresh: fine-tune it before it is used.`
    : "";
  return {
    ...specSchema.parse(spec),
    name: request.name,
    provenance: {
      recipe: { importedFrom: { format, ...source }, batchesTracked },
      seed: fresh === "" ? null : SEED,
      software: { sulcus: project.version, deno: Deno.version.deno },
      metrics: {},
      createdAt: new Date().toISOString(),
      note: `Imported from a file of weights (${format}).${fresh}`,
    },
    licence: request.licence ?? "Not stated: that of the imported weights",
    intendedUse: "Imported weights. To be validated before they are used. Research only. Not a medical device.",
  };
}
