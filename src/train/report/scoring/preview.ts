/** The picture of a scored case: the slice in which reference and prediction differ most, with their outlines. */
import type { LesionMatches } from "../../../metrics/mod.ts";
import {
  type Box,
  boxSize,
  cutWindow,
  encodePng,
  type Grid,
  type GridImage,
  orientationTo,
  overlay,
  perAxis,
  sampleOnto,
  sideBySide,
  type Slice,
  sliceOf,
  spacingOf,
  toRas,
} from "../../../volume/mod.ts";

/** Outlines of a picture: the values of `overlay()`. */
const COLOUR = { missed: 1, found: 2, hit: 3, false: 4 } as const;

/** The reference's lesions and the prediction's on one grid, each voxel with its colour; 0: none. */
export interface Marks {
  readonly reference: Uint8Array;
  readonly prediction: Uint8Array;
  /** 1 where a label is in one of them only. */
  readonly differs: Uint8Array;
}

export function emptyMarks(voxels: number): Marks {
  return {
    reference: new Uint8Array(voxels),
    prediction: new Uint8Array(voxels),
    differs: new Uint8Array(voxels),
  };
}

/** Adds a label's components, which were found inside a box of the grid. */
export function addMarks(
  marks: Marks,
  { reference, prediction }: LesionMatches,
  { grid: { sizeVox }, box }: { grid: Grid; box: Box },
): void {
  const [sx, sy, sz] = boxSize(box);
  for (let x = 0, v = 0; x < sx; x++) {
    for (let y = 0; y < sy; y++) {
      const row = ((x + box.start[0]) * sizeVox[1] + y + box.start[1]) * sizeVox[2] + box.start[2];
      for (let z = 0; z < sz; z++, v++) {
        const r = reference.components[v], p = prediction.components[v], voxel = row + z;
        if (r > 0) marks.reference[voxel] ||= reference.isMatched[r - 1] ? COLOUR.found : COLOUR.missed;
        if (p > 0) marks.prediction[voxel] ||= prediction.isMatched[p - 1] ? COLOUR.hit : COLOUR.false;
        if ((r > 0) !== (p > 0)) marks.differs[voxel] = 1;
      }
    }
  }
}

/** An axis whose voxels are this much longer than the shortest is looked along: its slices are the sharpest. */
const THICK = 1.5;
/** Share of the range of intensities that is background. */
const DARK = 0.05;
/** Pixels kept around what is shown. */
const MARGIN = 2;
/** Width of half a picture that small slices are enlarged to, pixels. */
const WIDTH = 320;

/**
 * The picture: the reference on the left, the prediction on the right, over the case's image. PNG.
 * @param volume the case's image, on the network's grid
 * @param grid of the marks
 */
export function preview(volume: GridImage, { reference, prediction, differs }: Marks, grid: Grid): Uint8Array {
  const { from } = orientationTo(grid.affineRas, {});
  const spacing = spacingOf(grid.affineRas), thickest = spacing.indexOf(Math.max(...spacing));
  const axis = spacing[thickest] > THICK * Math.min(...spacing) ? thickest : from[2];
  const index = fullest(differs, grid, axis) ?? fullest(reference, grid, axis) ?? grid.sizeVox[axis] >> 1;
  const slab = slabOf(grid, axis, index);
  const start = perAxis((a) => a === axis ? index : 0);
  const along = ([0, 1, 2] as const)[from.indexOf(axis)];
  const view = (data: Float32Array) => {
    const { data: turned, sizeVox } = toRas({ ...slab, data });
    return sliceOf(turned, sizeVox, { axis: along, index: 0 });
  };
  const whole = view(sampleOnto(volume, slab, { interpolation: "linear" }));
  const masks = [reference, prediction].map((mask) =>
    view(Float32Array.from(cutWindow(mask, grid.sizeVox, { start, size: slab.sizeVox })))
  );
  const darkest = whole.data.reduce((a, b) => Math.min(a, b)), brightest = whole.data.reduce((a, b) => Math.max(a, b));
  const image = { ...whole, data: whole.data.map((v) => v === 0 ? darkest : v) }; // 0 is background (docs/method D.2)
  const least = darkest + DARK * (brightest - darkest);
  const part = shownPart([{ ...image, data: image.data.map((v) => Number(v > least)) }, ...masks]);
  const slice = part(image), zoom = Math.max(1, Math.round(WIDTH / slice.width));
  return encodePng(sideBySide(masks.map((mask) => overlay(slice, part(mask), { zoom }))));
}

/** Cuts slices to the pixels that are not 0 in all of them, and a margin. */
function shownPart(slices: readonly Slice[]): (slice: Slice) => Slice {
  const [{ width, height }] = slices, low = [width, height], high = [-1, -1];
  for (const { data } of slices) {
    for (let i = 0; i < data.length; i++) {
      if (data[i] === 0) continue;
      [i % width, Math.floor(i / width)].forEach((v, a) => {
        low[a] = Math.min(low[a], v);
        high[a] = Math.max(high[a], v);
      });
    }
  }
  if (high[0] < 0) return (slice) => slice;
  const [left, top] = low.map((v) => Math.max(0, v - MARGIN));
  const [right, bottom] = [width, height].map((n, a) => Math.min(n, high[a] + 1 + MARGIN));
  const size = { width: right - left, height: bottom - top };
  return ({ data }) => ({
    ...size,
    data: Float32Array.from(
      { length: size.width * size.height },
      (_, i) => data[(top + Math.floor(i / size.width)) * width + left + i % size.width],
    ),
  });
}

/** The slice across an axis with most marked voxels; null where there is none. */
function fullest(mask: Uint8Array, { sizeVox: [nx, ny, nz] }: Grid, axis: number): number | null {
  const counts = new Uint32Array([nx, ny, nz][axis]);
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) if (mask[v] !== 0) counts[axis === 0 ? x : axis === 1 ? y : z]++;
    }
  }
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  return most === 0 ? null : counts.indexOf(most);
}

/** One slice of a grid, as a grid. */
function slabOf({ sizeVox, affineRas }: Grid, axis: number, index: number): Grid {
  const moved = [...affineRas];
  for (let row = 0; row < 3; row++) moved[4 * row + 3] += moved[4 * row + axis] * index;
  return { sizeVox: perAxis((a) => a === axis ? 1 : sizeVox[a]), affineRas: moved };
}
