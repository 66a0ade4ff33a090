/** State dictionaries of BrainMVP's networks as model packages: which network, which tensors, which templates. */
import { z } from "zod";
import { encodeModel } from "../graph/mod.ts";
import { sizeOf, type StoredTensor } from "../tensor/mod.ts";
import {
  BRAINMVP_PREPROCESSING,
  INPUTS,
  type Modality,
  type ModelSpec,
  type Task,
  writeTemplate,
} from "../inference/mod.ts";
import {
  batchesTracked,
  buildNetwork,
  downstream,
  finiteFloats,
  identifyNetwork,
  isEncoderKind,
  isOfTraining,
  kindOf,
  type LoadPlan,
  netOf,
  type NetworkSpec,
  planLoading,
  type Shapes,
  TEMPLATE_KEY,
  weightsOf,
  withPlainKeys,
} from "../nets/mod.ts";
import type { Triple } from "../volume/mod.ts";
import type { ImportRequest } from "./import_request.ts";
import { FRESH_SEED, type ImportReport, inferenceFor, type Outcome, refuse } from "./import_result.ts";
import { specSchema } from "../registry/mod.ts";
import type { WeightFile } from "./formats/weight_file.ts";

/** The order of the eight templates in official files (docs/method A.1.3). */
const OFFICIAL_TEMPLATES: readonly Modality[] = ["flair", "t1", "t1c", "t2", "mra", "pd", "dwi", "adc"];
/** Key of what `exportWeights()` says of a package in the file's metadata. */
export const METADATA_KEY = "sulcus";
const millimetres = z.tuple([z.number(), z.number(), z.number()]);
const stackSchema = z.strictObject({
  modalities: z.array(z.enum(INPUTS)),
  spacingMm: specSchema.shape.preprocessing.shape.spacingMm,
  middleMm: millimetres,
});
const descriptionSchema = z.strictObject({ spec: specSchema, templates: stackSchema.nullable() });

/** What the tensor of templates does not tell: whose they are and where they lie. */
export type TemplateStack = z.infer<typeof stackSchema>;
const COUNTER = ".num_batches_tracked";

/** What `exportWeights()` says of a package in the metadata of its file. */
interface Described {
  readonly spec: ModelSpec;
  readonly templates: TemplateStack | null;
}

/**
 * Writes `network.onnx` and templates for a file into the folder `out`.
 * @throws {TypeError | RangeError} the weights are refused, with the reason
 */
export async function importTensors(file: WeightFile, request: ImportRequest, out: string): Promise<Outcome> {
  const tensors = withPlainKeys(file.tensors);
  const shapes: Shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
  const described = describedBy(file.metadata);
  const { from, sizes, assumed } = networkIn(shapes, { request, described });
  const spec = specFor(request, { from, sizes, described, templates: shapes.get(TEMPLATE_KEY)?.[0] });
  const to = spec.architecture;
  const plan = planLoading(shapes, { from, to });
  const isWhole = from.kind === to.kind;
  if (isWhole) refuseIncomplete(plan, to);
  const weights = weightsOf(tensors, { to, plan, seed: FRESH_SEED });
  const outputs = isEncoderKind(to.kind) ? "training" : "inference"; // an encoder shows its features
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
      missing: isWhole ? [] : plan.missing,
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
  const { ofTraining } = kindOf(claimed.kind);
  const differs = Object.keys(claimed.config).find((name) =>
    !ofTraining.includes(name) && name !== "headDim" && String(claimed.config[name]) !== String(config[name])
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
  const isDownstream = task !== "encoder" && isEncoderKind(from.kind);
  const modalities = request.modalities ?? (isDownstream ? undefined : own?.modalities) ??
    (task === "encoder" && templates === OFFICIAL_TEMPLATES.length ? OFFICIAL_TEMPLATES : undefined) ??
    refuse(`expected modalities to be given${templates === undefined ? "" : ` (the file has ${templates} templates)`}`);
  const architecture = isDownstream ? downstream(from, { task, inputs: modalities.length, outputs }).spec : from;
  if (!isDownstream) checkCounts(sizes, { task, modalities, outputs });
  return {
    task,
    architecture,
    modalities,
    labels,
    classes,
    preprocessing: own?.preprocessing ?? BRAINMVP_PREPROCESSING,
    inference: inferenceFor(task, { roi: request.roi, described: own }),
  };
}

function taskOf(request: ImportRequest, { from, sizes, described }: Omit<Known, "templates">): Task {
  if (request.labels && request.classes) refuse("expected labels or classes, got both");
  const asked = request.labels ? "segmentation" : request.classes ? "classification" : described?.spec.task;
  const own = kindOf(from.kind).task;
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

/** The file of a whole network must hold all of it that inference needs. */
function refuseIncomplete({ missing }: LoadPlan, { kind }: NetworkSpec): void {
  const needed = missing.filter((key) => !isOfTraining({ kind, key }));
  if (needed.length === 0) return;
  refuse(`expected ${needed.slice(0, 3).join(", ")}${needed.length > 3 ? `, … (${needed.length})` : ""}, got none`);
}

/** Whose the file's templates are and where they lie; null where it does not follow. */
function templateStack(
  count: number,
  { spec, described }: { spec: ModelSpec; described: Described | undefined },
): Omit<TemplateStack, "middleMm"> & { middleMm?: Triple } | null {
  if (described !== undefined) return described.templates?.modalities.length === count ? described.templates : null;
  const { spacingMm } = spec.preprocessing;
  if (spec.task === "encoder") {
    if (spec.modalities.length === count) return { modalities: [...spec.modalities], spacingMm: [...spacingMm] };
    refuse(`expected a modality for each of its ${count} templates, got ${spec.modalities.length}`);
  }
  const isOfficial = count === OFFICIAL_TEMPLATES.length;
  return isOfficial ? { modalities: [...OFFICIAL_TEMPLATES], spacingMm: [...spacingMm] } : null;
}

async function writeTemplates(
  stored: StoredTensor | undefined,
  { spec, described, out }: { spec: ModelSpec; described: Described | undefined; out: string },
): Promise<Pick<ImportReport, "templates" | "dropped">> {
  if (stored === undefined) return { templates: [], dropped: [] };
  const drop = (why: string) => ({ templates: [], dropped: [{ key: TEMPLATE_KEY, why }] });
  if (stored.shape.length !== 4 || sizeOf(stored.shape) === 0) return drop("is no stack of volumes");
  const [count, ...sizeVox] = stored.shape;
  const stack = templateStack(count, { spec, described });
  if (stack === null) return drop("holds templates of modalities that are not known");
  const data = finiteFloats(TEMPLATE_KEY, stored).data as Float32Array;
  const voxels = sizeOf(sizeVox);
  const { modalities, spacingMm, middleMm } = stack;
  const kept = modalities.filter((m) => spec.modalities.includes(m));
  for (const modality of kept) {
    const from = modalities.indexOf(modality) * voxels;
    await writeTemplate(out, modality, {
      data: data.subarray(from, from + voxels),
      sizeVox: sizeVox as unknown as Triple,
      spacingMm,
      middleMm,
    });
  }
  return { templates: kept, dropped: [] };
}
