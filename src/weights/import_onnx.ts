/** ONNX graphs of others as model packages: checked by the importer, kept byte by byte. */
import { decodeModel, type Graph, importModel, type RawModel } from "../graph/mod.ts";
import { sameShape } from "../tensor/mod.ts";
import { BRAINMVP_PREPROCESSING, type ModelSpec, type Task } from "../inference/mod.ts";
import { pyramid, readingOf } from "../nets/mod.ts";
import type { Triple } from "../volume/mod.ts";
import type { GraphFile } from "./formats/format.ts";
import type { ImportRequest } from "./request/import_request.ts";
import { DEFAULT_EDGE } from "./request/serving_fields.ts";
import { inferenceFor, type Outcome, refuse } from "./import_result.ts";
import { NOTHING_STATED, stacked, type Stated, statedBy } from "./stated.ts";

/** The parts of a graph that a package uses. */
type Parts = Pick<ImportRequest, "features" | "output" | "layout">;

/**
 * Writes `network.onnx` into the folder `out`. The request's statements hold over those of a preset.
 * @throws {SyntaxError | TypeError | RangeError} the graph is refused, with the reason
 */
export async function importOnnx(
  { bytes }: GraphFile,
  request: ImportRequest,
  { out, preset = NOTHING_STATED }: { readonly out: string; readonly preset?: Stated },
): Promise<Outcome> {
  const stated = stacked(preset, statedBy(request));
  const spec = specOfGraph(decodeModel(bytes), stated, request);
  const input = [1, spec.modalities.length, ...spec.inference.roi];
  const whole = importModel(bytes, { inputShape: input, ...readingOf(spec.architecture, "whole") });
  if (request.features) pyramid({ graph: whole, features: request.features }); // refuses other names
  checkOutput(
    request.output === undefined
      ? whole
      : importModel(bytes, { inputShape: input, ...readingOf(spec.architecture, "output") }),
    spec,
  );
  await Deno.writeFile(`${out}/network.onnx`, bytes);
  return {
    spec,
    report: {
      network: spec.architecture,
      loaded: [...whole.constants.keys()],
      dropped: [],
      missing: [],
      converted: [],
      templates: [],
      assumed: stated.notes,
      batchesTracked: null,
    },
  };
}

/** The spec of the package: stated parts first, then the graph's, then defaults. */
function specOfGraph(
  raw: RawModel,
  { spec, preprocessing, inference }: Stated,
  { features, output, layout }: Parts,
): ModelSpec {
  const { modalities = refuse("expected modalities, the input's channels in order"), labels = [], classes = [] } = spec;
  if (spec.labels && spec.classes) refuse("expected labels or classes, got both");
  const task = spec.task ?? (spec.labels ? "segmentation" : spec.classes ? "classification" : "encoder");
  if (features === undefined && task === "encoder") refuse("expected features, labels or classes to be given");
  const roi = roiOf(raw, { roi: inference.roi ?? [DEFAULT_EDGE, DEFAULT_EDGE, DEFAULT_EDGE], layout });
  return {
    task,
    architecture: {
      kind: "onnx",
      config: { ...features && { features }, ...output !== undefined && { output }, ...layout && { layout } },
    },
    modalities,
    labels,
    classes,
    preprocessing: {
      ...BRAINMVP_PREPROCESSING,
      ...task === "classification" && { resize: roi },
      ...preprocessing,
    },
    inference: { ...inferenceFor(task), ...inference, roi },
  };
}

/** @throws {TypeError} the graph's answer does not have the shape that labels or classes ask for */
function checkOutput(graph: Graph, { task, labels, classes, inference: { roi } }: ModelSpec): void {
  const expected: Readonly<Record<Task, readonly number[] | null>> = {
    segmentation: [1, labels.length, ...roi],
    classification: [1, classes.length],
    encoder: null,
  };
  const wanted = expected[task], found = graph.types.get(graph.outputs[0])!.shape;
  if (wanted !== null && !sameShape(found, wanted)) {
    refuse(`expected its first output to be [${wanted}], got [${found}]`);
  }
}

/** The window of a graph: the size of its input, or the stated one where the graph leaves it open. */
function roiOf(
  { inputs }: RawModel,
  { roi, layout }: { readonly roi: Triple; readonly layout?: ImportRequest["layout"] },
): Triple {
  const axes = layout === "channels-last" ? [1, 2, 3] : [2, 3, 4];
  if (inputs.length !== 1 || inputs[0].dims.length !== 5) {
    const got = inputs.map((i) => `[${i.dims}]`).join(", ") || "none";
    refuse(`expected a graph with one input ${layout ? "[N, X, Y, Z, C]" : "[N, C, X, Y, Z]"}, got ${got}`);
  }
  const [x, y, z] = axes.map((axis, i) => {
    const size = inputs[0].dims[axis];
    return typeof size === "number" ? size : roi[i];
  });
  return [x, y, z];
}
