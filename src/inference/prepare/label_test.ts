import assert from "node:assert/strict";
import { connectedComponents } from "../../metrics/mod.ts";
import { Random } from "../../tensor/mod.ts";
import {
  applyAffine,
  type Grid,
  type GridImage,
  spacingAffine,
  type Triple,
  voxelMl,
  voxelsOf,
} from "../../volume/mod.ts";
import { labelOnGrid } from "./label.ts";

const LESION = { value: 1 };

/** A label map with 1 where `isInside` says so of a voxel's index. */
function mapOf(grid: Grid, isInside: (at: Triple) => boolean): GridImage {
  const { sizeVox: [nx, ny, nz], affineRas } = grid;
  const data = new Float32Array(nx * ny * nz);
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) for (let z = 0; z < nz; z++, v++) data[v] = Number(isInside([x, y, z]));
  }
  return { data, sizeVox: grid.sizeVox, affineRas };
}

/** The grid turned by two angles, in radians, around its own origin. */
function turned({ sizeVox, affineRas }: Grid, [a, b]: readonly [number, number]): Grid {
  const [c, s, d, t] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  const rows = [[c, -s * d, s * t], [s, c * d, -c * t], [0, t, d]];
  const m = [...affineRas];
  for (let r = 0; r < 3; r++) {
    for (let k = 0; k < 3; k++) m[4 * r + k] = rows[r][k] * affineRas[5 * k];
  }
  return { sizeVox, affineRas: m };
}

/** Voxels of 1 mm³ in slices of 4 mm: an ellipsoid of 122, two lesions of one voxel, one of two that touch at a corner. */
const THICK: Grid = { sizeVox: [24, 20, 6], affineRas: spacingAffine([0.5, 0.5, 4], [-6, -5, -10]) };
const LESIONS = mapOf(THICK, ([x, y, z]) => {
  const mm = [(x / 2 - 4.1) / 2.6, (y / 2 - 4.3) / 2.1, (4 * z - 9.2) / 5.5];
  const single = [[19, 4, 1], [20, 15, 3], [20, 16, 4], [3, 18, 0]].some(([i, j, k]) => x === i && y === j && z === k);
  return single || Math.hypot(...mm) <= 1;
});

/**
 * The set voxels, made with scipy 1.16 (`ndimage.label` with 26 neighbours, `map_coordinates` of order 1 at the parts of
 * every voxel, numpy's stable sort of the shares).
 */
const SCIPY: readonly (Grid & { readonly at: readonly number[] })[] = [
  {
    sizeVox: [15, 14, 22],
    affineRas: [
      0.978148,
      -0.205352,
      -0.032525,
      -7.2,
      0.207912,
      0.966105,
      0.153016,
      -7.1,
      0,
      -0.156434,
      0.987688,
      -10.4,
      0,
      0,
      0,
      1,
    ],
    at: [
      1613,
      1614,
      1615,
      1616,
      1617,
      1618,
      1619,
      1620,
      1621,
      1635,
      1636,
      1637,
      1638,
      1639,
      1640,
      1641,
      1642,
      1657,
      1658,
      1659,
      1660,
      1661,
      1762,
      1900,
      1901,
      1902,
      1903,
      1904,
      1905,
      1906,
      1907,
      1921,
      1922,
      1923,
      1924,
      1925,
      1926,
      1927,
      1928,
      1929,
      1941,
      1942,
      1943,
      1944,
      1945,
      1946,
      1947,
      1948,
      1949,
      1950,
      1951,
      1965,
      1966,
      1967,
      1968,
      1969,
      1970,
      1971,
      2208,
      2209,
      2210,
      2211,
      2212,
      2213,
      2214,
      2215,
      2229,
      2230,
      2231,
      2232,
      2233,
      2234,
      2235,
      2236,
      2237,
      2250,
      2251,
      2252,
      2253,
      2254,
      2255,
      2256,
      2257,
      2258,
      2259,
      2273,
      2274,
      2275,
      2276,
      2277,
      2278,
      2279,
      2517,
      2518,
      2519,
      2520,
      2521,
      2522,
      2523,
      2537,
      2538,
      2539,
      2540,
      2541,
      2542,
      2543,
      2544,
      2545,
      2559,
      2560,
      2561,
      2562,
      2563,
      2564,
      2565,
      2566,
      2581,
      2582,
      2583,
      2584,
      2585,
      2847,
      2848,
      3415,
      4129,
      4131,
    ],
  },
  {
    sizeVox: [7, 6, 9],
    affineRas: [
      1.992389,
      -0.173012,
      0.026554,
      -6.7,
      0.174311,
      1.977538,
      -0.303514,
      -5.6,
      0,
      0.243739,
      2.481365,
      -10.9,
      0,
      0,
      0,
      1,
    ],
    at: [129, 130, 138, 139, 140, 153, 183, 184, 192, 193, 194, 195, 203, 281, 375],
  },
];

for (const { at, ...grid } of SCIPY) {
  Deno.test(`labelOnGrid() gives an oblique grid of ${grid.sizeVox.join("×")} the voxels that scipy gives it`, () => {
    const [{ mask, fileMl, components, outside }] = labelOnGrid(LESIONS, grid, [LESION]);
    assert.deepEqual([...mask.keys()].filter((i) => mask[i] === 1), at);
    assert.deepEqual([fileMl.toFixed(6), components, outside], ["0.126000", 4, 0]);
  });
}

Deno.test("labelOnGrid() keeps one voxel of 0.4×0.4×5 mm, and every voxel of a map on the grid itself", () => {
  const file: Grid = { sizeVox: [40, 40, 5], affineRas: spacingAffine([0.4, 0.4, 5], [3, 4, 5]) };
  const one = mapOf(file, ([x, y, z]) => x === 21 && y === 17 && z === 2);
  const grid: Grid = { sizeVox: [16, 16, 25], affineRas: spacingAffine([1, 1, 1], [3.3, 4.1, 3.2]) };
  const [{ mask, fileMl, gridMl }] = labelOnGrid(one, grid, [LESION]);
  assert.deepEqual([fileMl.toFixed(6), gridMl.toFixed(6)], ["0.000800", "0.001000"]);
  // the voxel whose centre is nearest to (11.4, 10.8, 15) mm
  assert.equal(mask.indexOf(1), (8 * 16 + 7) * 25 + 12);
  const [same] = labelOnGrid(LESIONS, THICK, [LESION]);
  assert.deepEqual([...same.mask], [...LESIONS.data]);
});

Deno.test("labelOnGrid() follows flipped and swapped axes without a change of voxels", () => {
  const [nx, ny, nz] = THICK.sizeVox, m = THICK.affineRas;
  // index (z, nx − 1 − x, y)
  const swapped: Grid = {
    sizeVox: [nz, nx, ny],
    affineRas: [0, -m[0], 0, m[3] + m[0] * (nx - 1), 0, 0, m[5], m[7], m[10], 0, 0, m[11], 0, 0, 0, 1],
  };
  const [{ mask }] = labelOnGrid(LESIONS, swapped, [LESION]);
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++) {
        assert.equal(mask[(z * nx + nx - 1 - x) * ny + y], LESIONS.data[(x * ny + y) * nz + z]);
      }
    }
  }
});

Deno.test("labelOnGrid() takes each label by its values, overlapping ones too, and none where the file has none", () => {
  const grid: Grid = { sizeVox: [4, 4, 4], affineRas: spacingAffine([1, 1, 1]) };
  const file = { ...mapOf(grid, () => false) };
  file.data.set([1, 2, 2, 300], 20);
  const labels = [{ value: 1, sourceValues: [1, 2] }, { value: 2 }, { value: 3, sourceValues: [300] }, { value: 4 }];
  const found = labelOnGrid(file, grid, labels);
  const set = ({ mask }: { mask: Uint8Array }) => [...mask.keys()].filter((i) => mask[i] === 1);
  assert.deepEqual(found.map(set), [[20, 21, 22], [21, 22], [23], []]);
  assert.deepEqual(found.map(({ components }) => components), [1, 1, 1, 0]);
});

Deno.test("labelOnGrid() counts components outside the grid, and takes of those on its border the part inside", () => {
  const file: Grid = { sizeVox: [20, 4, 4], affineRas: spacingAffine([1, 1, 1]) };
  const map = mapOf(file, ([x, y, z]) => y === 1 && z === 1 && (x < 2 || (x >= 4 && x < 10) || x > 15));
  const grid: Grid = { sizeVox: [6, 4, 4], affineRas: spacingAffine([1, 1, 1], [7, 0, 0]) };
  const [{ mask, components, outside, fileMl, gridMl }] = labelOnGrid(map, grid, [LESION]);
  assert.deepEqual([[...mask.keys()].filter((i) => mask[i] === 1), components, outside], [[5, 21, 37], 3, 2]);
  assert.deepEqual([fileMl.toFixed(4), gridMl.toFixed(4)], ["0.0120", "0.0030"]);
});

Deno.test("labelOnGrid() keeps volumes and every lesion between grids of many sizes and angles", () => {
  for (let seed = 0; seed < 25; seed++) {
    const random = new Random(seed).fork("lesions");
    const between = (low: number, high: number) => low + (high - low) * random.uniform();
    const spacing: Triple = [between(0.4, 1.2), between(0.4, 1.2), between(0.8, 5)];
    const file: Grid = { sizeVox: [36, 36, 12], affineRas: spacingAffine(spacing, [-20, -20, -20]) };
    const balls = Array.from({ length: 6 }, () => ({
      at: [between(6, 29), between(6, 29), between(3, 8)].map(Math.round),
      radius: between(0.3, 4),
    }));
    const map = mapOf(
      file,
      (at) => balls.some(({ at: c, radius }) => Math.hypot(...at.map((v, a) => v - c[a])) <= radius),
    );
    const mm = between(0.7, 2.5);
    const flat: Grid = {
      sizeVox: [90, 90, 120],
      affineRas: spacingAffine([mm, mm, mm], [-30 * mm, -40 * mm, -40 * mm]),
    };
    const grid = turned(flat, seed % 3 === 0 ? [0, 0] : [between(-0.4, 0.4), between(-0.4, 0.4)]);
    const [{ mask, components, fileMl, gridMl, outside }] = labelOnGrid(map, grid, [LESION]);
    const title = `seed ${seed}: ${components} lesions of ${fileMl} mL, spacing ${spacing} to ${mm}`;
    assert.equal(outside, 0, title);
    const largest = components * voxelMl(grid.affineRas);
    assert.ok(gridMl <= fileMl + largest && gridMl >= 0.85 * fileMl - largest / 2, `${title}: ${gridMl} mL`);
    // each lesion has a voxel of the grid within half a diagonal of both
    const { components: numbers, sizes } = connectedComponents(
      Uint8Array.from(map.data, (v) => v),
      { sizeVox: file.sizeVox },
    );
    const reach = (Math.hypot(...spacing) + mm * Math.sqrt(3)) / 2;
    const centres = [...mask.keys()].filter((i) => mask[i] === 1).map((i) => placeOf(grid, i));
    for (let c = 1; c <= sizes.length; c++) {
      const own = [...numbers.keys()].filter((i) => numbers[i] === c).map((i) => placeOf(file, i));
      const isNear = own.some((p) => centres.some((q) => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) <= reach));
      assert.ok(isNear, `${title}: lesion ${c} of ${own.length} voxels is lost`);
    }
    assert.equal(mask.length, voxelsOf(grid.sizeVox));
  }
});

/** Where a voxel's centre lies, mm. */
function placeOf({ sizeVox: [, ny, nz], affineRas }: Grid, index: number): Triple {
  return applyAffine(affineRas, [Math.floor(index / (ny * nz)), Math.floor(index / nz) % ny, index % nz]);
}
