import assert from "node:assert/strict";
import {
  applyAffine,
  type GridImage,
  invertAffine,
  multiplyAffines,
  spacingAffine,
  type Triple,
} from "../grid/grid.ts";
import { matrixOf, moved, product, turned } from "./motion.ts";
import { register } from "./register.ts";
import { shrunk } from "./shrunk.ts";

/** A head of ellipsoids, of which no two axes look alike: value at a point in millimetres. */
function headAt([x, y, z]: Triple): number {
  const within = (cx: number, cy: number, cz: number, rx: number, ry: number, rz: number) =>
    ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2;
  const soft = (d: number, edge: number) => 1 / (1 + Math.exp((d - 1) * edge));
  return 0.6 * soft(within(0, 0, 0, 70, 85, 65), 20) + 0.4 * soft(within(0, 8, 5, 50, 62, 42), 12) -
    0.7 * soft(within(-14, 10, 8, 7, 28, 12), 8) - 0.7 * soft(within(15, 6, 8, 8, 25, 10), 8) +
    0.3 * soft(within(30, -45, -20, 18, 14, 16), 8) - 0.3 * soft(within(-25, 40, -15, 12, 15, 18), 8);
}

/** The head on a grid, seen through the map `back` from the grid's millimetres to the head's. */
function headOn(back: readonly number[], { spacingMm = [2, 2, 2] as Triple, gain = 1, offset = 0 } = {}): GridImage {
  const sizeVox: Triple = [
    Math.round(190 / spacingMm[0]),
    Math.round(220 / spacingMm[1]),
    Math.round(180 / spacingMm[2]),
  ];
  const affineRas = spacingAffine(spacingMm, [-95, -110, -90]),
    data = new Float32Array(sizeVox[0] * sizeVox[1] * sizeVox[2]);
  for (let i = 0, v = 0; i < sizeVox[0]; i++) {
    for (let j = 0; j < sizeVox[1]; j++) {
      for (let k = 0; k < sizeVox[2]; k++, v++) {
        data[v] = offset + gain * headAt(applyAffine(back, applyAffine(affineRas, [i, j, k])));
      }
    }
  }
  return { data, sizeVox, affineRas };
}

const STILL = spacingAffine([1, 1, 1]);

/** Distance between where two maps put points of the head, mean and largest, mm. */
function errorMm(a: readonly number[], b: readonly number[]): number {
  let sum = 0, count = 0;
  for (const x of [-50, 0, 50]) {
    for (const y of [-60, 0, 60]) {
      for (const z of [-45, 0, 45]) {
        const p = applyAffine(a, [x, y, z]), q = applyAffine(b, [x, y, z]);
        sum += Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
        count++;
      }
    }
  }
  return sum / count;
}

const degrees = (t: Triple) => turned([t[0] * Math.PI / 180, t[1] * Math.PI / 180, t[2] * Math.PI / 180]);
const affineOf = (linear: readonly number[], to: Triple) => matrixOf({ linear, from: [0, 0, 0], to });

const MAPS: readonly { name: string; kind?: "rigid" | "similarity"; map: number[] }[] = [
  { name: "no motion", map: STILL },
  { name: "a shift of 40 mm", map: affineOf(degrees([0, 0, 0]), [40, -15, 20]) },
  { name: "a nod of 25 degrees", kind: "rigid", map: affineOf(degrees([25, 4, -6]), [3, -8, 10]) },
  {
    name: "a smaller, turned head",
    kind: "similarity",
    map: affineOf(degrees([-8, 5, 10]).map((v) => 0.8 * v), [5, 5, 5]),
  },
  {
    name: "an affine map",
    map: affineOf(product(degrees([6, -4, 8]), [1.12, 0.04, 0, -0.05, 0.9, 0.03, 0.02, 0, 1.05]), [-8, 12, -6]),
  },
];

for (const { name, kind, map } of MAPS) {
  Deno.test(`register() finds ${name}, whatever gain and offset`, () => {
    const fixed = headOn(STILL), moving = headOn(invertAffine(map), { gain: 700, offset: 40 });
    const { matrix, similarity, overlap } = register([fixed], [moving], { kind });
    const error = errorMm(matrix, map);
    assert.ok(error < 1, `mean error ${error} mm`);
    assert.ok(similarity[0] > 0.97 && overlap > 0.95, `similarity ${similarity}, overlap ${overlap}`);
  });
}

Deno.test("register() takes images of one subject on grids of their own, and axes in any order", () => {
  const map = affineOf(degrees([5, 0, 7]), [10, -12, 6]);
  const fixed = [headOn(STILL), headOn(STILL, { spacingMm: [2.5, 2, 3] })];
  const turnedGrid = headOn(invertAffine(map), { spacingMm: [1.5, 2, 4] });
  const { matrix } = register(fixed, [headOn(invertAffine(map)), turnedGrid], { kind: "rigid" });
  assert.ok(errorMm(matrix, map) < 1, `mean error ${errorMm(matrix, map)} mm`);
});

Deno.test("register() measures little overlap between a head and a crop of it", () => {
  const head = headOn(STILL), size: Triple = [18, 22, 18];
  const crop = { ...head, sizeVox: size, data: new Float32Array(18 * 22 * 18) };
  for (let i = 0, v = 0; i < 18; i++) {
    for (let j = 0; j < 22; j++) {
      for (let k = 0; k < 18; k++, v++) {
        crop.data[v] = head.data[((i + 40) * head.sizeVox[1] + j + 45) * head.sizeVox[2] + k + 35];
      }
    }
  }
  const { overlap } = register([head], [crop]);
  assert.ok(overlap < 0.1, `overlap ${overlap}`);
});

Deno.test("register() refuses sides of different numbers and images that show nothing", () => {
  const head = headOn(STILL, { spacingMm: [6, 6, 6] });
  assert.throws(() => register([head], []), /^RangeError: Cannot register: expected as many images as 1, got 0$/);
  const empty = { ...head, data: new Float32Array(head.data.length) };
  assert.throws(() => register([head], [empty]), /got one that shows nothing$/);
});

Deno.test("shrunk() takes means of blocks, the last of which may be smaller, and keeps their place", () => {
  const image = {
    sizeVox: [3, 1, 2] as Triple,
    affineRas: spacingAffine([1, 4, 1], [10, 0, 5]),
    data: Float32Array.of(1, 3, 5, 7, 9, 11),
  };
  const { data, sizeVox, affineRas } = shrunk(image, 2);
  assert.deepEqual(sizeVox, [2, 1, 1]);
  assert.deepEqual([...data], [4, 10]);
  assert.deepEqual(applyAffine(affineRas, [0, 0, 0]), [10.5, 0, 5.5]);
  assert.deepEqual(applyAffine(affineRas, [1, 0, 0]), [12.5, 0, 5.5]);
});

Deno.test("moved() by a turn keeps lengths, and by a shift moves millimetres", () => {
  const start = { linear: turned([0, 0, 0]), from: [1, 2, 3] as Triple, to: [4, 5, 6] as Triple };
  const { linear, to } = moved(start, "rigid", [0, 0, Math.PI / 2, 1, 0, -2]);
  [0, -1, 0, 1, 0, 0, 0, 0, 1].forEach((v, i) => assert.ok(Math.abs(linear[i] - v) < 1e-6, `${linear}`));
  assert.deepEqual(to, [5, 5, 4]);
  assert.deepEqual(applyAffine(multiplyAffines(invertAffine(matrixOf(start)), matrixOf(start)), [7, 8, 9]), [7, 8, 9]);
});
