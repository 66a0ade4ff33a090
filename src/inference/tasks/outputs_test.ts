import assert from "node:assert/strict";
import { OUTPUT_RECORDS } from "./outputs.ts";

const label = (value: number) => ({ name: `label ${value}`, value, colour: "#ff0000" });
const inference = { roi: [8, 8, 8], overlap: 0, blending: "constant", threshold: 0.5 } as const;

Deno.test("a mask keeps label values above 255, in 16 bits; without such a label it has 8", () => {
  const masks = [[1, 255], [17, 2035, 65_535]].map((values) => {
    const { data, visit } = OUTPUT_RECORDS.labels.begin({ labels: values.map(label), inference }, values.length + 1);
    // Voxel i is of label i, the last one of none.
    for (let i = 0; i <= values.length; i++) visit(i, Float32Array.from(values, (_, c) => c === i ? 9 : -9));
    return data;
  });
  assert.deepEqual(masks, [Uint8Array.of(1, 255, 0), Uint16Array.of(17, 2035, 65_535, 0)]);
});
