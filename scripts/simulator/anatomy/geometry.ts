/** A subject's shape: an anatomy turned, scaled, sheared, mirrored and bent. */
import type { Random } from "../../../src/tensor/mod.ts";
import { applyAffine, type Grid, invertAffine, multiplyAffines, type Triple } from "../../../src/volume/grid/grid.ts";
import { type Anatomy, intoVoxels, originVox } from "./anatomy.ts";
import {
  type CoarseField,
  coarseField,
  coarseNodes,
  controlAt,
  type ControlField,
  drawControlField,
} from "../fields/fields.ts";
import type { Region } from "../fields/fields.ts";

export interface ShapeOptions {
  /** Deviation of the rotation about each axis, degrees. */
  readonly rotation: number;
  /** Deviation of the logarithm of the head's size; each axis differs by half of it besides. */
  readonly scaling: number;
  /** Deviation of the bending at scales of 40 and 14 mm, mm. */
  readonly bending: readonly [number, number];
  /** Chance that left and right change places. */
  readonly mirrored: number;
}

export const SHAPE: ShapeOptions = { rotation: 5, scaling: 0.05, bending: [2.2, 0.7], mirrored: 0.5 };

/** A map from a subject's millimetres, origin near the anterior commissure, axes RAS, to an anatomy's voxels. */
export interface Geometry {
  /** 4×4: bent millimetres → voxels. */
  readonly affine: readonly number[];
  /** Displacement along x, y and z at two scales, mm. */
  readonly bending: readonly ControlField[][];
}

export function drawGeometry(random: Random, anatomy: Anatomy, shape: ShapeOptions = SHAPE): Geometry {
  const [rx, ry, rz] = [0, 1, 2].map(() => shape.rotation * Math.PI / 180 * clampedNormal(random));
  const size = shape.scaling * clampedNormal(random);
  const scales = [0, 1, 2].map(() => Math.exp(size + 0.5 * shape.scaling * clampedNormal(random)));
  const shears = [0, 1, 2].map(() => 0.3 * shape.scaling * clampedNormal(random));
  const sign = random.uniform() < shape.mirrored ? -1 : 1;
  const origin = applyAffine(anatomy.affineRas, originVox(anatomy));
  const stretch = [
    [sign / scales[0], shears[0], shears[1], 0],
    [0, 1 / scales[1], shears[2], 0],
    [0, 0, 1 / scales[2], 0],
    [0, 0, 0, 1],
  ].flat();
  const place = [1, 0, 0, origin[0], 0, 1, 0, origin[1], 0, 0, 1, origin[2], 0, 0, 0, 1];
  const toMm = [rotationAbout(0, rx), rotationAbout(1, ry), rotationAbout(2, rz), stretch]
    .reduce(multiplyAffines, place);
  const [wide, narrow] = shape.bending;
  const bending = [0, 1, 2].map(() => [
    drawControlField(random, { spacingMm: 40, deviation: wide }),
    drawControlField(random, { spacingMm: 14, deviation: narrow }),
  ]);
  return { affine: intoVoxels(anatomy, toMm), bending };
}

/** Normal within ±2: nobody's head is upside down. */
export function clampedNormal(random: Random): number {
  return Math.min(Math.max(random.normal(), -2), 2);
}

function rotationAbout(axis: 0 | 1 | 2, angle: number): number[] {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  if (axis === 0) return [1, 0, 0, 0, 0, c, -s, 0, 0, s, c, 0, 0, 0, 0, 1];
  if (axis === 1) return [c, 0, s, 0, 0, 1, 0, 0, -s, 0, c, 0, 0, 0, 0, 1];
  return [c, -s, 0, 0, s, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
}

/** The anatomy's voxel for the voxels of a region of `grid`: one coarse field for each of its axes. */
export function anatomyCoordinates(
  { affine, bending }: Geometry,
  { grid, region, step }: { grid: Grid; region: Region; step: number },
): readonly [CoarseField, CoarseField, CoarseField] {
  const nodes = coarseNodes(region, step);
  const place = (x: number, y: number, z: number) => applyAffine(grid.affineRas, [x, y, z]);
  const bent = [0, 1, 2].map((a) =>
    coarseField(nodes, (x, y, z) => {
      const mm = place(x, y, z);
      return bending[a].reduce((sum, field) => sum + controlAt(field, mm[0], mm[1], mm[2]), mm[a]);
    })
  );
  const rows = [0, 1, 2].map((a) => {
    const values = bent[0].values.map((x, i) =>
      affine[4 * a] * x + affine[4 * a + 1] * bent[1].values[i] + affine[4 * a + 2] * bent[2].values[i] +
      affine[4 * a + 3]
    );
    return { ...nodes, values };
  });
  return [rows[0], rows[1], rows[2]];
}

/** The box in a subject's millimetres that a box of the anatomy's voxels fills, bending aside. */
export function boxInSubject({ affine }: Geometry, [low, high]: readonly [Triple, Triple]): readonly [Triple, Triple] {
  const back = invertAffine(affine);
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((c) =>
    applyAffine(back, [(c & 1 ? high : low)[0], (c & 2 ? high : low)[1], (c & 4 ? high : low)[2]])
  );
  const reduced = (pick: (...values: number[]) => number, a: number) => pick(...corners.map((corner) => corner[a]));
  return [
    [reduced(Math.min, 0), reduced(Math.min, 1), reduced(Math.min, 2)],
    [reduced(Math.max, 0), reduced(Math.max, 1), reduced(Math.max, 2)],
  ];
}
