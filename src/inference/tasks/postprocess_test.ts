import assert from "node:assert/strict";
import { partsOf, type Triple } from "../../volume/mod.ts";
import type { Postprocessing } from "../spec.ts";
import { postprocess } from "./postprocess.ts";
import { Regions } from "./regions.ts";

const SIZE: Triple = [24, 20, 18], VOXELS = 24 * 20 * 18;

/** A mask of the voxels where a rule holds. */
const maskWhere = (rule: (x: number, y: number, z: number) => boolean) =>
  Uint8Array.from({ length: VOXELS }, (_, v) => {
    const z = v % 18, y = Math.floor(v / 18) % 20, x = Math.floor(v / 18 / 20);
    return Number(rule(x, y, z));
  });
const field = (x: number, y: number, z: number) =>
  Math.sin(0.9 * x) + Math.sin(1.1 * y + 1) + Math.sin(0.7 * z + 2) + 0.6 * Math.sin(0.17 * x * y) +
  0.4 * Math.sin(2.3 * z * x);
/** Blobs that touch at corners, and a shell with a hole. */
const A = maskWhere((x, y, z) => {
  const r = (x - 12) ** 2 + (y - 10) ** 2 + (z - 9) ** 2, f = field(x, y, z);
  return (f > 1.25 && f < 2) || (r >= 16 && r < 36);
});
const B = maskWhere((x, y, z) => field(x, y, z) > 1.7);

/** The number of a mask's voxels, and a number that depends on where they are. */
function printOf(mask: Uint8Array): [number, number] {
  const places = [...mask.keys()].filter((v) => mask[v] !== 0);
  return [places.length, places.reduce((sum, v) => sum + v * 7919 % 10_007, 0)];
}

const LABELS = [{ name: "a" }, { name: "b" }];

/** The prints of both masks after some steps. */
function after(steps: readonly Postprocessing[], { masks = [A, B], exclusive = false } = {}): [number, number][] {
  const regions = new Regions(VOXELS, 2);
  for (const [c, mask] of masks.entries()) regions.replace(c, mask);
  postprocess(regions, { sizeVox: SIZE, voxelMl: 0.004, labels: LABELS, steps, exclusive });
  return [0, 1].map((c) => printOf(regions.maskOf(c)));
}

// The figures are those of scipy.ndimage 1.17.1: label() with a full structure, binary_fill_holes() with its own.

Deno.test("partsOf() finds as many parts as scipy's label(), by faces and by corners", () => {
  const counts = [A, B].flatMap((mask) =>
    ([6, 26] as const).map((neighbours) => partsOf(mask, SIZE, { value: 1, neighbours }).voxels.length)
  );
  assert.deepEqual(counts, [245, 23, 61, 47]);
});

Deno.test("postprocess() changes each region as scipy does", () => {
  const cases: [Postprocessing, [number, number], [number, number]][] = [
    [{ kind: "largest-component" }, [1105, 5616666], [85, 414455]],
    [{ kind: "smallest-size", voxels: 5 }, [1763, 8922233], [1157, 5779173]],
    [{ kind: "smallest-size", voxels: 12 }, [1724, 8755867], [1157, 5779173]],
    [{ kind: "smallest-size", ml: 0.048 }, [1724, 8755867], [1157, 5779173]],
    [{ kind: "fill-holes" }, [1997, 10011668], [1160, 5787522]],
    [{ kind: "largest-component", labels: ["b"] }, [1784, 9019899], [85, 414455]],
    [{ kind: "largest-component", together: true }, [1154, 5888446], [558, 2742310]],
  ];
  for (const [step, ...expected] of cases) assert.deepEqual(after([step]), expected, JSON.stringify(step));
});

const near = (x: number, y: number, z: number) => Math.max(Math.abs(x - 9), Math.abs(y - 9), Math.abs(z - 9));
const SHELL = maskWhere((...at) => near(...at) === 3), BLOCK = maskWhere((...at) => near(...at) <= 3);

Deno.test("postprocess() takes its steps in their order", () => {
  const holes = { kind: "fill-holes" } as const, small = { kind: "smallest-size", voxels: 300 } as const;
  const of = (...steps: Postprocessing[]) => after(steps, { masks: [SHELL, B] })[0];
  assert.deepEqual([of(holes, small), of(small, holes), of()], [printOf(BLOCK), [0, 0], printOf(SHELL)]);
});

Deno.test("postprocess() fills the holes of exclusive labels only where no other label is", () => {
  const core = maskWhere((...at) => near(...at) === 0);
  const masks = [SHELL, core], step = { kind: "fill-holes", labels: ["a"] } as const;
  assert.deepEqual(after([step], { masks }), [printOf(BLOCK), printOf(core)]);
  const around = BLOCK.map((v, at) => v & ~core[at]);
  assert.deepEqual(after([step], { masks, exclusive: true }), [printOf(around), printOf(core)]);
});

Deno.test("postprocess() leaves regions without a voxel alone", () => {
  const masks = [new Uint8Array(VOXELS), B];
  const steps = [{ kind: "largest-component" }, { kind: "smallest-size", voxels: 3 }, { kind: "fill-holes" }] as const;
  assert.deepEqual(after(steps, { masks })[0], [0, 0]);
});
