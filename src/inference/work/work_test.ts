import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { inFolder } from "../../../tests/testing/volumes.ts";
import { type Grid, spacingAffine, type Triple } from "../../volume/mod.ts";
import { makeNifti } from "../../volume/testing/fixtures.ts";
import { DEFAULT_BUDGET, inBytes, type WorkBudget } from "../budget.ts";
import type { ModelSpec } from "../spec.ts";
import { SPEC } from "../testing/packages.ts";
import type { Output } from "../types.ts";
import { caseExcess } from "./case_work.ts";
import { requestExcess } from "./request_work.ts";
import { volumeExcess } from "./volume_work.ts";

const BUDGET: WorkBudget = { voxels: 2 ** 27, memoryBytes: 4 * 2 ** 30, windows: 50_000, seconds: 1500 };
const LARGE: ModelSpec = { ...SPEC, inference: { ...SPEC.inference, roi: [96, 96, 96] } };

const grid = (sizeVox: Triple, spacingMm: Triple): Grid => ({ sizeVox, affineRas: spacingAffine(spacingMm) });

interface Asked {
  readonly spec?: ModelSpec;
  readonly modalities?: number;
  readonly output?: Output;
  readonly networkBytes?: number;
}

const excess = (own: Grid, { spec = LARGE, modalities = 4, output = "labels", networkBytes = 1e8 }: Asked = {}) =>
  caseExcess({ spec, grids: Array(modalities).fill(own), target: { grid: own, output }, networkBytes }, BUDGET);

Deno.test("caseExcess() lets the largest scans of hospitals pass", () => {
  assert.equal(excess(grid([512, 512, 400], [0.5, 0.5, 0.5])), null);
  assert.equal(excess(grid([512, 512, 400], [1, 1, 1])), null);
  assert.equal(excess(grid([640, 640, 30], [0.36, 0.36, 5]), { output: "probabilities" }), null);
  assert.equal(excess(grid([512, 512, 512], [0.5, 0.5, 0.5]), { modalities: 1, output: "uncertainty" }), null);
});

const REFUSED: Record<string, [own: Grid, asked: Asked, message: RegExp]> = {
  "a small file of huge voxels": [
    grid([32, 32, 32], [20, 20, 20]),
    {},
    /^the network's grid at 1×1×1 mm would have 621×621×621 = 239483061 voxels, expected at most 134217728\. Check the voxel size/,
  ],
  "a line of voxels": [grid([32767, 1, 1], [1, 1, 1]), {}, /32767×1×1 voxels, expected at most 4096 along an axis/],
  "voxels of kilometres": [grid([32767, 9, 9], [1e6, 1e6, 1e6]), {}, /expected at most 4096 along an axis/],
  "windows that hardly move": [
    grid([240, 240, 155], [1, 1, 1]),
    { spec: { ...SPEC, inference: { ...SPEC.inference, overlap: 0.95 } } },
    /240×240×155 voxels, which are 7087500 windows, expected at most 50000$/,
  ],
  "mirrored windows": [
    grid([300, 300, 300], [1, 1, 1]),
    { spec: { ...SPEC, inference: { ...SPEC.inference, mirrored: [0, 1, 2] } } },
    /which are 405224 windows/,
  ],
  "probabilities of many channels": [
    grid([512, 512, 400], [1, 1, 1]),
    { output: "probabilities", networkBytes: 0, modalities: 8 },
    /^it would take about 5\.57 GiB of memory for 8 volumes on a grid of 512×512×400 voxels, expected at most 4 GiB$/,
  ],
  "a network that fills the memory": [
    grid([240, 240, 155], [1, 1, 1]),
    { networkBytes: 2 ** 31 },
    /^it would take about 6\.26 GiB of memory/,
  ],
};

for (const [name, [own, asked, message]] of Object.entries(REFUSED)) {
  Deno.test(`caseExcess() refuses ${name}, with the figures`, () => assert.match(excess(own, asked) ?? "", message));
}

Deno.test("volumeExcess() bounds what a file unpacks to, of images also in proportion", () => {
  const work = (sizeVox: Triple, fileBytes: number, isLabel = false) =>
    volumeExcess({ header: { sizeVox, datatype: { name: "int16", bytes: 2 } }, fileBytes, isLabel }, BUDGET);
  assert.equal(work([512, 512, 400], 60e6), null);
  assert.equal(work([512, 512, 400], 210e3, true), null);
  assert.equal(work([64, 64, 64], 600), null);
  assert.equal(
    work([512, 512, 400], 210e3),
    "the file has 205 KiB and would unpack to 200 MiB, 999 times as much, expected at most 500 times for an image: one " +
      "value nearly everywhere",
  );
  assert.match(work([640, 640, 640], 255e3, true) ?? "", /^the file promises 640×640×640 = 262144000 voxels/);
});

Deno.test("requestExcess() judges a request by its headers alone, and leaves damaged ones to the work itself", () =>
  inFolder(async (folder) => {
    const write = async (name: string, bytes: Uint8Array) => {
      await Deno.writeFile(`${folder}/${name}`, bytes);
      return `${folder}/${name}`;
    };
    // headers without a voxel: nothing can be read of them
    const coarse = await write(
      "a",
      gzipSync(makeNifti({ dims: [3, 32, 32, 32, 1, 1, 1, 1], pixdim: [1, 20, 20, 20] })),
    );
    const bomb = await write("b", gzipSync(makeNifti({ dims: [3, 640, 640, 640, 1, 1, 1, 1] })));
    const none = await write("c", new Uint8Array(400));
    const of = (images: Record<string, string>) =>
      requestExcess({ directory: folder, spec: LARGE, images, budget: BUDGET });
    assert.match(await of({ t1: coarse }) ?? "", /^the network's grid at 1×1×1 mm would have 621×621×621/);
    assert.match(await of({ t1: coarse, flair: bomb }) ?? "", /^flair: the file promises 640×640×640/);
    assert.equal(await of({ t1: none, flair: bomb }), null);
    assert.equal(await of({}), null);
  }));

Deno.test("inBytes() rounds to three digits", () => {
  assert.deepEqual([0, 900, 14_000, 1.5 * 2 ** 30, 2 ** 41].map(inBytes), [
    "0 bytes",
    "900 bytes",
    "13.7 KiB",
    "1.5 GiB",
    "2 TiB",
  ]);
  assert.ok(DEFAULT_BUDGET.memoryBytes >= 4 * 2 ** 30);
});
