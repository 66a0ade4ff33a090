import assert from "node:assert/strict";
import { OUTPUT_RECORDS } from "./outputs.ts";

const label = (value: number) => ({ name: `label ${value}`, value, colour: "#ff0000" });
const inference = { roi: [8, 8, 8], overlap: 0, blending: "constant", threshold: 0.5 } as const;

Deno.test("a mask keeps label values above 255, in 16 bits; without such a label it has 8", () => {
  const masks = [[1, 255], [17, 2035, 65_535]].map((values) => {
    const spec = { labels: values.map(label), inference };
    const { data, mark } = OUTPUT_RECORDS.labels.begin(spec, values.length + 1);
    // Voxel i is of label i, the last one of none.
    for (let i = 0; i <= values.length; i++) mark!(i, Uint8Array.of(i), i < values.length ? 1 : 0);
    return data;
  });
  assert.deepEqual(masks, [Uint8Array.of(1, 255, 0), Uint16Array.of(17, 2035, 65_535, 0)]);
});

Deno.test("a mask shows of overlapping regions the last one of the paint order, by default that of the labels", () => {
  const painted = (paintOrder?: number[]) => {
    const spec = { labels: [4, 1, 2].map(label), inference: { ...inference, ...paintOrder && { paintOrder } } };
    const { data, mark } = OUTPUT_RECORDS.labels.begin(spec, 4);
    for (const [voxel, found] of [[0, 1, 2], [0, 1], [0, 2], [1, 2]].entries()) {
      mark!(voxel, Uint8Array.from(found), found.length);
    }
    return [...data];
  };
  assert.deepEqual(painted(), [2, 1, 2, 2]);
  assert.deepEqual(painted([2, 1, 4]), [4, 4, 4, 1]);
  assert.deepEqual(painted([1, 4, 2]), [2, 4, 2, 2]);
});
