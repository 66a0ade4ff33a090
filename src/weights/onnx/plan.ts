/** From a graph of others and the statements about it to the spec of a package. Writes nothing. */
import { describeModel, type Graph, importModel, type ModelDescription } from "../../graph/mod.ts";
import { type ModelSpec, type Task, wrongInputs } from "../../inference/mod.ts";
import { readingOf, storedMaps } from "../../nets/mod.ts";
import { sameShape } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { refuse } from "../refuse.ts";
import type { ImportRequest } from "../request/import_request.ts";
import { DEFAULT_EDGE } from "../request/inference_fields.ts";
import { inferenceFor, preprocessingFor, withStated } from "../stated/defaults.ts";
import { stacked, type Stated } from "../stated/stated.ts";
import { classificationReading, type Final, type Reading, segmentationReading } from "./activation.ts";
import { faultOfInputs } from "./facts.ts";
import { chosenFeatures } from "./features.ts";

/** The parts of a graph that a package uses. */
export type Parts = Pick<ImportRequest, "features" | "output" | "layout">;

export interface GraphPlan {
  readonly spec: ModelSpec;
  /** The whole graph, channels first, for the spec's windows. */
  readonly graph: Graph;
  readonly description: ModelDescription;
  /** Everything that the file does not state, in words. */
  readonly assumed: readonly string[];
}

interface PlanOptions {
  readonly stated: Stated;
  readonly parts: Parts;
  /** The spec in the file's own metadata: its statements are the lowest. */
  readonly described?: ModelSpec | undefined;
}

/** @throws {SyntaxError | TypeError | RangeError} the graph is refused, or does not fit the statements */
export function planGraph(bytes: Uint8Array, options: PlanOptions): GraphPlan {
  const { described } = options;
  if (described !== undefined && described.architecture.kind !== "onnx") {
    refuse(`its metadata describes another network (${described.architecture.kind}) than an imported graph`);
  }
  const stated = described === undefined ? options.stated : stacked(statementsOf(described), options.stated);
  const parts = { ...partsIn(described), ...options.parts };
  const description = describeModel(bytes);
  const fault = faultOfInputs(description);
  if (fault !== null) refuse(fault);
  const layout = parts.layout ?? (description.layout === "channels-last" ? description.layout : undefined);
  const { modalities = refuse("expected modalities, the input's channels in order") } = stated.spec;
  const task = taskOf(stated, parts);
  const wrong = wrongInputs({ task, modalities });
  if (wrong !== null) refuse(wrong);
  const { roi, note } = windowOf(description, { stated, layout, modalities: modalities.length });
  const inputShape = [1, modalities.length, ...roi];
  const graph = importModel(bytes, { inputShape, ...layout && { layout } });
  const features = parts.features && chosenFeatures(graph, parts.features);
  const architecture = {
    kind: "onnx" as const,
    config: {
      ...described?.architecture.config,
      ...features && { features },
      ...parts.output !== undefined && { output: parts.output },
      ...layout && { layout },
    },
  };
  const answer = parts.output === undefined
    ? graph
    : importModel(bytes, { inputShape, ...readingOf({ kind: "onnx", config: architecture.config }, "output") });
  const reading = readingFor(task, {
    answer,
    roi,
    stated,
    description,
    output: parts.output,
    isDescribed: described !== undefined,
  });
  const { labels = [], classes = [] } = stated.spec;
  const { preprocessing, assumed } = described === undefined
    ? preprocessingFor(stated.preprocessing, { task, roi })
    : { preprocessing: withStated(described.preprocessing, options.stated.preprocessing), assumed: [] };
  return {
    graph,
    description,
    spec: {
      task,
      architecture,
      modalities,
      labels: task === "segmentation" ? labels : [],
      classes: task === "classification" ? classes : [],
      preprocessing,
      inference: {
        ...inferenceFor(task, described),
        ...stated.inference,
        roi,
        ...reading && described === undefined && { activation: reading.activation },
      },
    },
    assumed: [
      ...stated.notes,
      ...parts.layout === undefined && layout ? ["layout channels-last, which the graph's first operators show"] : [],
      ...note === null ? [] : [note],
      ...described === undefined ? storedNote(graph) : [],
      ...reading === null || described !== undefined ? [] : [reading.note, ...outputNote(description, parts)],
      ...assumed,
    ],
  };
}

/** The parts that a description names. */
function partsIn(described: ModelSpec | undefined): Parts {
  const { features, output, layout } = described?.architecture.config ?? {};
  return {
    ...Array.isArray(features) && { features: features.map(String) },
    ...typeof output === "string" && { output },
    ...layout === "channels-last" && { layout },
  };
}

/** The statements of a description in the file itself. A manifest without an activation has its task's default. */
const statementsOf = ({ task, modalities, labels, classes, preprocessing, inference }: ModelSpec): Stated => ({
  spec: { task, modalities, labels, classes },
  preprocessing,
  inference,
  notes: [],
});

/** What a task is made by. */
const MADE_BY: Readonly<Record<Task, string>> = {
  segmentation: "labels",
  classification: "classes",
  encoder: "neither labels nor classes",
};

function taskOf({ spec: { task, labels, classes } }: Stated, { features }: Parts): Task {
  const isSegmentation = (labels?.length ?? 0) > 0, isClassification = (classes?.length ?? 0) > 0;
  if (isSegmentation && isClassification) refuse("expected labels or classes, got both");
  const found = isSegmentation ? "segmentation" : isClassification ? "classification" : "encoder";
  if (task !== undefined && task !== found) refuse(`expected ${MADE_BY[task]} for a task of ${task}`);
  if (found === "encoder" && features === undefined) refuse("expected features, labels or classes to be given");
  return found;
}

/** The window of a graph: the size of its input, or the stated one where the graph leaves it open. */
function windowOf(
  { inputs: [{ dims }] }: ModelDescription,
  { stated, layout, modalities }: { stated: Stated; layout: Parts["layout"]; modalities: number },
): { readonly roi: Triple; readonly note: string | null } {
  const [n, c, ...size] = layout === "channels-last" ? [dims![0], dims![4], ...dims!.slice(1, 4)] : dims!;
  if (typeof n === "number" && n !== 1) {
    refuse(`expected an input of one sample or of any number, got ${n}: export it with a batch of 1`);
  }
  if (typeof c === "number" && c !== modalities) {
    refuse(`expected ${c} modalities for the ${c} channels of its input [${dims}], got ${modalities}`);
  }
  const asked = stated.inference.roi;
  const roi = size.map((d, i) => typeof d === "number" ? d : asked?.[i] ?? DEFAULT_EDGE) as [number, number, number];
  if (asked !== undefined && !sameShape(asked, roi)) {
    refuse(`expected a window of [${roi}], the size that its input fixes, got [${asked}]`);
  }
  const isOpen = size.some((d) => typeof d !== "number");
  return {
    roi,
    note: asked === undefined && isOpen ? `windows of ${roi.join("×")}, which its input leaves open` : null,
  };
}

interface Answered {
  /** The graph that ends with the answer. */
  readonly answer: Graph;
  readonly roi: Triple;
  readonly stated: Stated;
  readonly description: ModelDescription;
  readonly output: string | undefined;
  /** True: the statements are those of a manifest. */
  readonly isDescribed: boolean;
}

/** Of manifests that state none. */
const DEFAULT_ACTIVATIONS = { segmentation: "sigmoid", classification: "softmax" } as const;

/** @throws {TypeError} the answer does not have the shape that labels or classes ask for */
function readingFor(task: Task, { answer, roi, stated, description, output, isDescribed }: Answered): Reading | null {
  if (task === "encoder") return null;
  const name = answer.outputs[0], { shape } = answer.types.get(name)!;
  const final = finalOf(description, output ?? description.outputs[0].name) ?? finalIn(answer);
  const activation = stated.inference.activation ?? (isDescribed ? DEFAULT_ACTIVATIONS[task] : undefined);
  const { labels = [], classes = [] } = stated.spec;
  if (task === "segmentation") {
    const isVolume = shape.length === 5
      ? sameShape(shape.slice(2), roi)
      : shape.length === 4 && sameShape(shape.slice(1), roi);
    if (!isVolume) refuse(`expected its ${which(output)} output to be [1, channels, ${roi}], got [${shape}]`);
    const channels = shape.length === 5 ? shape[1] : 1;
    return segmentationReading({ final, channels, outputs: labels.length, stated: activation }, stated);
  }
  if (shape.length < 2 || shape.slice(2).some((d) => d !== 1)) {
    refuse(`expected its ${which(output)} output to be [1,${classes.length}], got [${shape}]`);
  }
  return classificationReading({ final, channels: shape[1], outputs: classes.length, stated: activation });
}

const which = (output: string | undefined) => output === undefined ? "first" : "chosen";

/** The end of an output that the file declares. */
const finalOf = ({ finalActivation }: ModelDescription, output: string): Final | undefined =>
  finalActivation.find((found) => found.output === output)?.kind;

const FINALS: Readonly<Record<string, Final>> = { Sigmoid: "sigmoid", Softmax: "softmax", ArgMax: "argmax" };
/** Operators that keep what the values mean. */
const CARRIERS: ReadonlySet<string> = new Set(["Cast", "Identity", "Reshape", "Transpose"]);

/** The end of a graph whose output is a value within the file. */
function finalIn({ nodes, outputs: [name] }: Graph): Final {
  let end = nodes.find(({ output }) => output === name);
  while (end !== undefined && CARRIERS.has(end.op)) {
    const [from] = end.inputs;
    end = nodes.find(({ output }) => output === from);
  }
  return end === undefined ? "none" : FINALS[end.op] ?? "none";
}

/** Values of one image, which tracing stores where a network detaches them (MONAI's ResNet with shortcut A). */
function storedNote(graph: Graph): string[] {
  const found = storedMaps(graph);
  if (found.length === 0) return [];
  const [first] = found, shape = graph.constants.get(first)!.shape;
  return [
    `that the constants as large as feature maps (${first} [${shape}]${
      found.length > 1 ? `, … (${found.length})` : ""
    }) ` +
    "are the network's own. If the exporter took them from its example image, answers are right for that image alone: " +
    "compare with the source on another image, or export a forward() without `.data` and `detach()`",
  ];
}

/** A choice among several outputs that nobody made. */
function outputNote({ outputs }: ModelDescription, { output }: Parts): string[] {
  if (outputs.length === 1 || output !== undefined) return [];
  const others = outputs.slice(1, 6).map((o) => o.name).join(", ");
  return [`the first output, ${outputs[0].name}, of ${outputs.length} (the others: ${others})`];
}
