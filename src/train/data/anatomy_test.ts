import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import type { Modality } from "../../inference/mod.ts";
import { applyAffine, type Triple } from "../../volume/mod.ts";
import { uprightOf, uprightsOf } from "./anatomy.ts";
import { openPretrainingCases } from "./unlabelled_cases.ts";

const RECIPE = { spacingMm: [4, 4, 4], percentiles: { lower: 1, upper: 99 }, percentilesOver: "foreground" } as const;

/** A head of ellipsoids around 0 mm, unlike along every axis, with a bright mark on its right and in front. */
function headAt([x, y, z]: Triple): number {
  const within = (c: Triple, r: Triple) =>
    Number(Math.hypot((x - c[0]) / r[0], (y - c[1]) / r[1], (z - c[2]) / r[2]) < 1);
  return 60 * within([0, 0, 0], [70, 85, 60]) + 40 * within([0, 8, 5], [50, 62, 40]) -
    60 * within([0, 8, 8], [20, 30, 12]) + 50 * within(MARK, [14, 12, 14]);
}
const MARK: Triple = [32, 42, 0];

interface Pose {
  readonly nod: number;
  readonly scale: number;
  readonly to: Triple;
}

/** Where a point of the head lies in a pose. */
function posed({ nod, scale, to }: Pose, [x, y, z]: Triple): Triple {
  const t = nod * Math.PI / 180, c = scale * Math.cos(t), s = scale * Math.sin(t);
  return [scale * x + to[0], c * y - s * z + to[1], s * y + c * z + to[2]];
}

function unposed({ nod, scale, to }: Pose, mm: Triple): Triple {
  const t = nod * Math.PI / 180, c = Math.cos(t) / scale, s = Math.sin(t) / scale;
  const [x, y, z] = mm.map((v, a) => v - to[a]);
  return [x / scale, c * y + s * z, -s * y + c * z];
}

const POSES: readonly Pose[] = [
  { nod: 0, scale: 1, to: [0, 0, 0] },
  { nod: 12, scale: 1.08, to: [10, -8, 20] },
  { nod: -12, scale: 0.94, to: [-12, 6, -30] },
];

async function writeHead(folder: string, name: string, pose: Pose) {
  const grid = orientedGrid([56, 64, 52], { spacingMm: [4, 4, 4], originMm: [-110, -126, -102] });
  const write = (m: Modality, gain: number) =>
    writeVolume(join(folder, `${name}-${m}.nii`), grid, sampled(grid, (mm) => gain * headAt(unposed(pose, mm))));
  return { id: name, images: { t1: await write("t1", 1), ...(name === "b" && { t2: await write("t2", 3) }) } };
}

Deno.test("uprightsOf() lays heads of any pose on each other, and a crop nowhere", () =>
  inFolder(async (folder) => {
    const cases: { id: string; images: Partial<Record<Modality, string>> }[] = [];
    for (const [i, pose] of POSES.entries()) cases.push(await writeHead(folder, "abc"[i], pose));
    const small = orientedGrid([10, 11, 9], { spacingMm: [4, 4, 4] });
    const part = sampled(small, ([x, y, z]) => 50 + Math.hypot(x - 12, y - 20, z - 9));
    cases.push({ id: "crop", images: { t1: await writeVolume(join(folder, "crop.nii"), small, part) } });
    const options = { cases, recipe: RECIPE, directory: join(folder, "cases") };
    const uprights = await uprightsOf(options);
    assert.deepEqual(uprights.map((u) => u !== null), [true, true, true, false]);

    const store = await openPretrainingCases({ ...options, uprights });
    const marks = await Promise.all(POSES.map(async (pose, i) => {
      const { affineRas, place, channels: [t1], sizeVox } = await store.get(i);
      assert.ok(typeof place === "object");
      // where the mark lies, by the case's own record of its place
      const voxel = POINTS.map((p) => nearest(affineRas, posed(pose, p)));
      const v = voxel[0], shown = t1[(v[0] * sizeVox[1] + v[1]) * sizeVox[2] + v[2]];
      assert.ok(shown > 0.9, `case ${i} shows its mark: ${shown}`);
      return voxel.map((at) => at.map((n, a) => (place.originMm[a] + 4 * n) / place.scale));
    }));
    POINTS.forEach((_, k) => {
      for (const mark of marks) {
        const off = Math.hypot(...mark[k].map((v, a) => v - marks[0][k][a]));
        assert.ok(off < 6, `point ${k}: ${off} mm apart in the templates`);
      }
    });
    assert.equal((await store.get(3)).place, "nowhere");
    assert.deepEqual(await uprightsOf(options), uprights, "read back");
  }));

const POINTS: readonly Triple[] = [MARK, [-40, -50, 20], [0, 0, -40]];

/** The voxel nearest to a point, by trying all of a line at a time: the axes are turned little. */
function nearest(affine: readonly number[], mm: Triple): Triple {
  let at: Triple = [0, 0, 0];
  for (let round = 0; round < 20; round++) {
    const p = applyAffine(affine, at), d = mm.map((v, a) => (v - p[a]) / 4);
    at = [Math.round(at[0] + 0.9 * d[0]), Math.round(at[1] + 0.9 * d[1]), Math.round(at[2] + 0.9 * d[2])];
  }
  return at;
}

Deno.test("uprightOf() splits a similarity into turn, scale and middle", () => {
  const { turn, scale, middleMm } = uprightOf([0, -2, 0, 5, 2, 0, 0, 6, 0, 0, 2, 7, 0, 0, 0, 1]);
  assert.deepEqual([turn.map((v) => v + 0), scale, middleMm], [[0, -1, 0, 1, 0, 0, 0, 0, 1], 2, [5, 6, 7]]);
});
