import assert from "node:assert/strict";
import { templateMiddle, templatesPng } from "./templates.ts";

Deno.test("templateMiddle() is the images' middle where they share a space, else 0", () => {
  assert.deepEqual(templateMiddle([[0.5, -17.5, 18], [0.9, -17.5, 18]]), [0.5, -17.5, 18]);
  assert.deepEqual(templateMiddle([[0.5, -17.5, 18], [12, -17.5, 18]]), [0, 0, 0]);
});

Deno.test("templatesPng() draws three planes for each modality, below each other", () => {
  const size = [4, 5, 6] as const;
  const png = templatesPng(new Map([["t1", new Float32Array(120)], ["t2", new Float32Array(120)]]), size);
  const view = new DataView(png.buffer, png.byteOffset);
  const zoom = Math.round(200 / 6);
  assert.deepEqual([view.getUint32(16), view.getUint32(20)], [zoom * (4 + 4 + 5), 2 * zoom * 6]);
});
