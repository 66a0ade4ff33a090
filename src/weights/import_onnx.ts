/** ONNX graphs of others as model packages: checked by the importer, kept byte by byte. */
import { decodeModel, importModel, type RawModel } from "../graph/mod.ts";
import { sameShape } from "../tensor/mod.ts";
import { BRAINMVP_PREPROCESSING, type ModelSpec } from "../inference/mod.ts";
import { pyramid } from "../nets/mod.ts";
import type { Triple } from "../volume/mod.ts";
import type { GraphFile } from "./formats/format.ts";
import { DEFAULT_EDGE, type ImportRequest } from "./import_request.ts";
import { inferenceFor, type Outcome, refuse } from "./import_result.ts";

/**
 * Writes `network.onnx` into the folder `out`.
 * @throws {SyntaxError | TypeError | RangeError} the graph is refused, with the reason
 */
export async function importOnnx({ bytes }: GraphFile, request: ImportRequest, out: string): Promise<Outcome> {
  const roi = roiOf(decodeModel(bytes), request);
  const { modalities = refuse("expected modalities, the input's channels in order"), features } = request;
  const graph = importModel(bytes, { inputShape: [1, modalities.length, ...roi] });
  const task = request.labels ? "segmentation" : request.classes ? "classification" : "encoder";
  if (request.labels && request.classes) refuse("expected labels or classes, got both");
  if (features === undefined && task === "encoder") refuse("expected features, labels or classes to be given");
  if (features) pyramid({ graph, features }); // refuses other names
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
    preprocessing: task === "classification" ? { ...BRAINMVP_PREPROCESSING, resize: roi } : BRAINMVP_PREPROCESSING,
    inference: { ...inferenceFor(task), roi },
  };
  return {
    spec,
    report: {
      network: spec.architecture,
      loaded: [...graph.constants.keys()],
      dropped: [],
      missing: [],
      converted: [],
      templates: [],
      assumed: [],
      batchesTracked: null,
    },
  };
}

/** The window of a graph: the size of its input, or the requested one where the graph leaves it open. */
function roiOf({ inputs }: RawModel, { roi = DEFAULT_EDGE }: ImportRequest): Triple {
  if (inputs.length !== 1 || inputs[0].dims.length !== 5) {
    refuse(
      `expected a graph with one input [N, C, X, Y, Z], got ${inputs.map((i) => `[${i.dims}]`).join(", ") || "none"}`,
    );
  }
  const [x, y, z] = inputs[0].dims.slice(2).map((d) => typeof d === "number" ? d : roi);
  return [x, y, z];
}
