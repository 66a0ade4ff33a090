/** State dictionaries of networks that have a family here as model packages: which network, which tensors, which templates. */
import { encodeModel } from "../graph/mod.ts";
import {
  BRAINMVP_PREPROCESSING,
  type InferenceSettings,
  type Modality,
  type ModelSpec,
  segmentationRecord,
  type Task,
} from "../inference/mod.ts";
import {
  batchesTracked,
  buildNetwork,
  downstream,
  familyOf,
  identifyNetwork,
  isCounter,
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
import { type Description, descriptionIn } from "./description.ts";
import type { TensorFile } from "./formats/format.ts";
import type { ImportRequest } from "./request/import_request.ts";
import { FRESH_SEED, type Outcome } from "./import_result.ts";
import { refuse } from "./refuse.ts";
import { inferenceFor, preprocessingFor, withStated } from "./stated/defaults.ts";
import type { Stated } from "./stated/stated.ts";
import { OFFICIAL_TEMPLATES, writeTemplates } from "./templates.ts";

/** Fields that say which part of a graph is used. */
const OF_GRAPHS = ["features", "output", "layout"] as const;

/**
 * Writes `network.onnx` and templates for a file into the folder `out`.
 * @throws {TypeError | RangeError} the weights are refused, with the reason
 */
export async function importTensors(
  file: TensorFile,
  { request, stated, out }: { readonly request: ImportRequest; readonly stated: Stated; readonly out: string },
): Promise<Outcome> {
  if (stated.unbuilt !== undefined) refuse(stated.unbuilt);
  for (const field of OF_GRAPHS) if (request[field] !== undefined) refuse(`${field} is for ONNX graphs, got weights`);
  const tensors = withPlainKeys(file.tensors);
  const shapes: Shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
  const described = descriptionIn(file.metadata);
  const { from, sizes, assumed } = networkIn(shapes, { request, stated, described });
  const spec = specFor(stated, { from, sizes, described, templates: shapes.get(TEMPLATE_KEY)?.[0] });
  const to = spec.architecture;
  const plan = planLoading(shapes, { from, to });
  const isWhole = from.kind === to.kind;
  if (isWhole) refuseIncomplete(plan, to);
  const weights = weightsOf(tensors, { to, plan, seed: FRESH_SEED });
  const outputs = isEncoderKind(to.kind) ? "training" : "inference"; // an encoder puts out its features too
  const input = [1, netOf(to).example[1], ...spec.inference.roi];
  const graph = buildNetwork(to, { input, weights, outputs });
  await Deno.writeFile(`${out}/network.onnx`, encodeModel(graph));
  const isHeld = (key: string) => graph.constants.has(key) || isCounter(key);
  const { templates, dropped } = await writeTemplates(tensors.get(TEMPLATE_KEY), {
    spec,
    described: described?.templates,
    out,
  });
  return {
    spec,
    described: isWhole ? described : undefined,
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
        return dtype === "float32" || isCounter(key) ? [] : [{ key, from: dtype }];
      }),
      templates,
      assumed: [...stated.notes, ...assumed, ...unstatedOf(spec, { stated, described })],
      batchesTracked: batchesTracked(tensors),
    },
  };
}

/** Parts of the pre-processing that nobody states of a network that is not BrainMVP's. */
function unstatedOf(
  { task, architecture: { kind }, inference: { roi } }: ModelSpec,
  { stated, described }: { readonly stated: Stated; readonly described: Description | undefined },
): readonly string[] {
  const isForeign = familyOf(kind) === familyOf("nnunet") && described === undefined;
  return isForeign ? preprocessingFor(stated.preprocessing, { task, roi }).assumed : [];
}

interface Given {
  readonly request: ImportRequest;
  readonly stated: Stated;
  readonly described: Description | undefined;
}

/** The file's network. @throws {TypeError} the metadata describes another network than keys and shapes */
function networkIn(
  shapes: Shapes,
  { request, stated, described }: Given,
): { from: NetworkSpec; sizes: NetworkSpec["config"]; assumed: readonly string[] } {
  const claimed = stated.spec.architecture ?? described?.spec.architecture;
  const claimedDim = claimed?.config.headDim;
  const found = identifyNetwork(shapes, {
    headDim: request.headDim ?? (typeof claimedDim === "number" ? claimedDim : undefined),
    segmentation: stated.spec.labels !== undefined || described?.spec.task === "segmentation",
  });
  const { kind, config } = found.spec;
  const { assumed } = found;
  if (claimed === undefined) return { from: found.spec, sizes: config, assumed };
  const { unseen } = kindOf(claimed.kind);
  const differs = Object.keys(claimed.config).find((name) =>
    !unseen.includes(name) && String(claimed.config[name]) !== String(config[name])
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
  readonly described: Description | undefined;
  /** The number of templates in the file. */
  readonly templates?: number;
}

/** The spec of the package: from the statements first, then from the file's description, then from BrainMVP's defaults. */
function specFor(stated: Stated, { from, sizes, described, templates }: Known): ModelSpec {
  const own = described?.spec;
  const task = taskOf(stated.spec, { from, sizes, described });
  const labels = task === "segmentation" ? stated.spec.labels ?? own?.labels ?? [] : [];
  const classes = task === "classification" ? stated.spec.classes ?? own?.classes ?? [] : [];
  const outputs = task === "segmentation" ? labels.length : classes.length;
  const isDownstream = task !== "encoder" && isEncoderKind(from.kind);
  const modalities = stated.spec.modalities ?? (isDownstream ? undefined : own?.modalities) ??
    (task === "encoder" && templates === OFFICIAL_TEMPLATES.length ? OFFICIAL_TEMPLATES : undefined) ??
    refuse(`expected modalities to be given${templates === undefined ? "" : ` (the file has ${templates} templates)`}`);
  const architecture = isDownstream ? downstream(from, { task, inputs: modalities.length, outputs }).spec : from;
  const isExclusive = stated.background === true && task === "segmentation";
  const inference: InferenceSettings = {
    ...inferenceFor(task, own),
    ...isExclusive && { activation: "softmax" },
    ...stated.inference,
  };
  if (!isDownstream) checkCounts(sizes, { task, modalities, outputs, inference });
  return {
    task,
    architecture,
    modalities,
    labels,
    classes,
    preprocessing: withStated(own?.preprocessing ?? BRAINMVP_PREPROCESSING, stated.preprocessing),
    inference,
  };
}

function taskOf({ labels, classes }: Stated["spec"], { from, sizes, described }: Omit<Known, "templates">): Task {
  if (labels && classes) refuse("expected labels or classes, got both");
  const asked = labels ? "segmentation" : classes ? "classification" : described?.spec.task;
  const own = kindOf(from.kind).task;
  if (own === "encoder" || asked === own) return asked ?? own;
  // a base may have a segmentation's decoder, too
  if (asked === "encoder" && own === "segmentation") return asked;
  if (asked !== undefined) refuse(`expected a network for a ${asked}, got one for a ${own}`);
  return own === "segmentation"
    ? refuse(`expected labels for the ${sizes.outChannels} outputs of this segmentation network`)
    : refuse(`expected classes for the ${sizes.classes} outputs of this classification network`);
}

/** @throws {TypeError} the request names another number of modalities, labels or classes than the network has */
function checkCounts(
  { inChannels, outChannels, classes }: NetworkSpec["config"],
  { task, modalities, outputs, inference }: {
    task: Task;
    modalities: readonly Modality[];
    outputs: number;
    inference: InferenceSettings;
  },
): void {
  if (task === "encoder") return;
  if (modalities.length !== inChannels) refuse(`expected ${inChannels} modalities, got ${modalities.length}`);
  const expected = task === "segmentation" ? outChannels : classes;
  const what = task === "segmentation" ? "labels" : "classes";
  const unnamed = task === "segmentation" ? segmentationRecord(inference).channels(outputs) - outputs : 0;
  if (outputs + unnamed === expected) return;
  const beside = unnamed === 0 ? "" : " beside the background";
  refuse(`expected ${Number(expected) - unnamed} ${what}${beside}, got ${outputs}`);
}

/** @throws {TypeError} a weight that inference needs is missing in the file of a whole network */
function refuseIncomplete({ missing }: LoadPlan, { kind }: NetworkSpec): void {
  const needed = missing.filter((key) => !isOfTraining({ kind, key }));
  if (needed.length === 0) return;
  refuse(`expected ${needed.slice(0, 3).join(", ")}${needed.length > 3 ? `, … (${needed.length})` : ""}, got none`);
}
