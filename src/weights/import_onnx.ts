/** ONNX graphs of others as model packages: checked by the importer, kept byte by byte. */
import { featureMaps } from "../nets/mod.ts";
import { descriptionIn } from "./description.ts";
import type { GraphFile } from "./formats/format.ts";
import type { Outcome } from "./import_result.ts";
import { planGraph } from "./onnx/plan.ts";
import type { ImportRequest } from "./request/import_request.ts";
import type { Stated } from "./stated/stated.ts";

/**
 * Writes `network.onnx` into the folder `out`.
 * @throws {SyntaxError | TypeError | RangeError} the graph is refused, or does not fit the statements about it
 */
export async function importOnnx(
  { bytes, metadata }: GraphFile,
  { request, stated, out }: { readonly request: ImportRequest; readonly stated: Stated; readonly out: string },
): Promise<Outcome> {
  const described = descriptionIn(metadata);
  const { spec, graph, description, assumed } = planGraph(bytes, {
    stated,
    parts: request,
    described: described?.spec,
  });
  await Deno.writeFile(`${out}/network.onnx`, bytes);
  return {
    spec,
    described,
    report: {
      network: spec.architecture,
      loaded: [...graph.constants.keys()],
      dropped: [],
      missing: [],
      converted: [],
      templates: [],
      assumed,
      batchesTracked: null,
      graph: {
        ...description,
        input: graph.types.get(graph.inputs[0])!.shape,
        features: featureMaps(graph),
        unsupported: null,
      },
    },
  };
}
