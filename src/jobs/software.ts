/** Programs that take part in a training, for its provenance. */
import project from "../../deno.json" with { type: "json" };

export const SOFTWARE = {
  sulcus: project.version,
  deno: Deno.version.deno,
  onnxruntime: project.imports["onnxruntime-node"].split("@").at(-1)!,
};
