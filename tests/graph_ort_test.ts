/** Imported networks, written again by Sulcus: ONNX Runtime computes the same from both files. */
import { encodeModel, importModel, tensor } from "../src/graph/mod.ts";
import { assertClose, runModel } from "./_onnx_runtime.ts";
import { FIXTURES, loadFixture, wave } from "./fixtures/mod.ts";

for (const name of FIXTURES) {
  // imported in inference mode, so the two files of this one mean different things
  const ignore = name === "conv_bn_training";
  Deno.test({
    name: `encodeModel() of imported ${name} computes in ONNX Runtime what the original does` +
      (ignore ? " (skipped: the original is in training mode)" : ""),
    ignore,
    fn: async () => {
      const { model, input } = loadFixture(name);
      const feeds = { [input.name]: tensor("float32", input.shape, wave(input.shape)) };
      const expected = await runModel(model, feeds);
      const actual = await runModel(encodeModel(importModel(model, { shapes: { [input.name]: input.shape } })), feeds);
      for (const [output, values] of Object.entries(expected)) assertClose(actual[output], values, output);
    },
  });
}
