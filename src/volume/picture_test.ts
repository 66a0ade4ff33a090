import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, inflateSync } from "node:zlib";
import { encodePng, overlay, sideBySide, sliceOf } from "./picture.ts";

/** The chunks of a PNG file, their checksums verified. */
function chunksOf(png: Uint8Array): Record<string, Uint8Array> {
  const bytes = Buffer.from(png);
  assert.deepEqual([...bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks: Record<string, Uint8Array> = {};
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 4, at + 8 + length);
    assert.equal(bytes.readUInt32BE(at + 8 + length), crc32(body));
    chunks[body.toString("latin1", 0, 4)] = body.subarray(4);
    at += 12 + length;
  }
  return chunks;
}

Deno.test("encodePng() writes header, filtered rows and checksums that decode to the same pixels", () => {
  const rgb = Uint8Array.from({ length: 18 }, (_, i) => 14 * i);
  const { IHDR, IDAT, IEND } = chunksOf(encodePng({ width: 3, height: 2, rgb }));
  assert.deepEqual([...IHDR], [0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
  assert.deepEqual([...inflateSync(IDAT)], [0, ...rgb.subarray(0, 9), 0, ...rgb.subarray(9)]);
  assert.equal(IEND.length, 0);
});

Deno.test("encodePng() refuses pixels that do not fit", () => {
  const picture = { width: 2, height: 2, rgb: new Uint8Array(11) };
  assert.throws(() => encodePng(picture), /Cannot encode a PNG: expected 12 bytes, got 11/);
});

Deno.test("sliceOf() shows the patient's right on the left and front and top upwards", () => {
  const volume = Float32Array.from({ length: 24 }, (_, i) => i); // [2, 3, 4]
  assert.deepEqual([...sliceOf(volume, [2, 3, 4], { axis: 2, index: 1 }).data], [21, 9, 17, 5, 13, 1]);
  assert.deepEqual([...sliceOf(volume, [2, 3, 4], { axis: 1, index: 0 }).data], [15, 3, 14, 2, 13, 1, 12, 0]);
  const sagittal = sliceOf(volume, [2, 3, 4], { axis: 0, index: 1 });
  assert.deepEqual([sagittal.width, sagittal.height, sagittal.data[0]], [3, 4, 23]);
});

Deno.test("overlay() draws the mask's outline, leaves its inside and scales grey from minimum to maximum", () => {
  const slice = { width: 5, height: 5, data: Float32Array.from({ length: 25 }, (_, i) => i) };
  const mask = { ...slice, data: slice.data.map((_, i) => i % 5 > 0 && i % 5 < 4 && i > 5 && i < 19 ? 1 : 0) };
  const { rgb } = overlay(slice, mask, { zoom: 1 });
  const pixel = (x: number, y: number) => [...rgb.subarray(3 * (5 * y + x), 3 * (5 * y + x) + 3)];
  assert.deepEqual(pixel(1, 1), [255, 64, 64]);
  assert.deepEqual(pixel(2, 2), [133, 133, 133]);
  assert.deepEqual(pixel(0, 0), [0, 0, 0]);
  assert.deepEqual(overlay(slice, undefined, { zoom: 2 }).rgb.length, 300);
});

Deno.test("sideBySide() keeps every pixel and pads the shorter picture", () => {
  const a = { width: 1, height: 1, rgb: Uint8Array.of(1, 2, 3) };
  const b = { width: 1, height: 2, rgb: Uint8Array.of(4, 5, 6, 7, 8, 9) };
  assert.deepEqual(sideBySide([a, b]), { width: 2, height: 2, rgb: Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 8, 9) });
});
