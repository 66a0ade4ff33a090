/**
 * The ideal image of a region: for each voxel the mean of the anatomy's classes around it (their parts of the voxel),
 * with texture and lesions, before any scanner. And the truth: classes, structures, lesions.
 */
import { type Grid, type Triple, voxelsOf } from "../../../src/volume/grid/grid.ts";
import type { Anatomy } from "../anatomy/anatomy.ts";
import { CLASSES, STRUCTURE_OF } from "../anatomy/classes.ts";
import type { Contrast } from "./contrast.ts";
import { type CoarseField, coarseRow, type Region } from "../fields/fields.ts";
import { anatomyCoordinates, type Geometry } from "../anatomy/geometry.ts";
import type { SubjectLesions } from "../lesions/lesions.ts";
import { TILE } from "../fields/noise.ts";

/** Smooth noise that tissue varies by, and each modality's place in it. */
export interface Texture {
  readonly fine: Float32Array;
  readonly coarse: Float32Array;
  /** By modality, the last shared by all. */
  readonly shifts: readonly Triple[];
}

export interface TissueSource {
  readonly anatomy: Anatomy;
  readonly geometry: Geometry;
  readonly contrasts: readonly Contrast[];
  readonly texture: Texture;
  readonly lesions: SubjectLesions | null;
}

export interface TissueImage {
  /** One image a modality, C order. */
  readonly images: Float32Array[];
  readonly structures: Uint16Array;
  readonly lesion: Uint8Array;
  /** Distance to the brain's surface, as the anatomy has it. */
  readonly brainDistance: Int8Array;
}

const NODE_STEP_MM = 4;
const FAR = 127;

/** Renders a region of `grid`; the anatomy's voxels are read once for all modalities. */
export function renderTissue(source: TissueSource, { grid, region }: { grid: Grid; region: Region }): TissueImage {
  const { anatomy, geometry, contrasts, lesions } = source;
  const step = Math.max(1, Math.floor(NODE_STEP_MM / Math.abs(grid.affineRas[0])));
  const coordinates = anatomyCoordinates(geometry, { grid, region, step });
  const count = voxelsOf(region.sizeVox);
  const image: TissueImage = {
    images: contrasts.map(() => new Float32Array(count)),
    structures: new Uint16Array(count),
    lesion: new Uint8Array(count),
    brainDistance: new Int8Array(count).fill(FAR),
  };
  const [nx, ny, nz] = region.sizeVox;
  const row: Row = {
    at: [0, 0, 0],
    o: 0,
    places: [new Float32Array(nz), new Float32Array(nz), new Float32Array(nz)],
    tables: tablesOf(contrasts),
  };
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      row.at = [x + region.fromVox[0], y + region.fromVox[1], region.fromVox[2]];
      row.o = (x * ny + y) * nz;
      coordinates.forEach((field: CoarseField, a) => coarseRow(field, row.at, row.places[a]));
      renderRow(source, row, image);
      if (lesions !== null) paintLesions(anatomy, lesions, row, image);
    }
  }
  return image;
}

interface Row {
  /** Index of the first voxel in the whole grid. */
  at: Triple;
  /** The same in the region's arrays. */
  o: number;
  /** Anatomy voxel of each voxel. */
  readonly places: readonly [Float32Array, Float32Array, Float32Array];
  readonly tables: Tables;
}

/** Means and deviations by class and modality, so that a voxel reads neighbouring numbers. */
interface Tables {
  readonly means: Float32Array;
  readonly textures: Float32Array;
}

function tablesOf(contrasts: readonly Contrast[]): Tables {
  const table = (of: (c: Contrast) => Float32Array) =>
    Float32Array.from(
      { length: CLASSES.length * contrasts.length },
      (_, i) => of(contrasts[i % contrasts.length])[Math.floor(i / contrasts.length)],
    );
  return { means: table((c) => c.means), textures: table((c) => c.textures) };
}

/** Shares of a tissue's variation: common to all modalities, and of one alone at two scales. */
const COMMON = 0.5, COARSE = 0.7, FINE = 0.5;
const MASK = TILE - 1;

function renderRow({ anatomy, texture, contrasts }: TissueSource, row: Row, image: TissueImage): void {
  const { classes, uniform, brainDistance, sizeVox: [ax, ay, az] } = anatomy;
  const { at, o, places: [px, py, pz], tables: { means, textures } } = row;
  const { images } = image, width = contrasts.length;
  const sy = az, sx = ay * az;
  const tile = texture.shifts.map(([dx, dy]) => (((at[0] + dx) & MASK) * TILE + ((at[1] + dy) & MASK)) * TILE);
  for (let k = 0; k < px.length; k++) {
    const u = px[k], v = py[k], w = pz[k];
    if (!(u >= 0 && v >= 0 && w >= 0 && u < ax - 1 && v < ay - 1 && w < az - 1)) continue;
    const i = u | 0, j = v | 0, l = w | 0, base = i * sx + j * sy + l, out = o + k;
    const a = u - i, b = v - j, c = w - l;
    const nearest = base + (a > 0.5 ? sx : 0) + (b > 0.5 ? sy : 0) + (c > 0.5 ? 1 : 0);
    const tissue = classes[nearest];
    image.structures[out] = STRUCTURE_OF[tissue];
    image.brainDistance[out] = brainDistance[nearest];
    if (uniform[base] === 1) {
      if (tissue === 0) {
        if (means[0] > 0) { for (let m = 0; m < width; m++) images[m][out] = means[m]; }
        continue;
      }
      for (let m = 0, t = tissue * width; m < width; m++, t++) images[m][out] = means[t];
    } else {
      const a1 = 1 - a, b1 = 1 - b, c1 = 1 - c;
      const w0 = a1 * b1 * c1, w1 = a1 * b1 * c, w2 = a1 * b * c1, w3 = a1 * b * c;
      const w4 = a * b1 * c1, w5 = a * b1 * c, w6 = a * b * c1, w7 = a * b * c;
      const t0 = classes[base] * width, t1 = classes[base + 1] * width;
      const t2 = classes[base + sy] * width, t3 = classes[base + sy + 1] * width;
      const t4 = classes[base + sx] * width, t5 = classes[base + sx + 1] * width;
      const t6 = classes[base + sx + sy] * width, t7 = classes[base + sx + sy + 1] * width;
      for (let m = 0; m < width; m++) {
        images[m][out] = w0 * means[t0 + m] + w1 * means[t1 + m] + w2 * means[t2 + m] + w3 * means[t3 + m] +
          w4 * means[t4 + m] + w5 * means[t5 + m] + w6 * means[t6 + m] + w7 * means[t7 + m];
      }
    }
    const z = at[2] + k;
    const common = COMMON * texture.coarse[tile[width] + ((z + texture.shifts[width][2]) & MASK)];
    for (let m = 0, t = tissue * width; m < width; m++, t++) {
      const place = tile[m] + ((z + texture.shifts[m][2]) & MASK);
      images[m][out] += textures[t] * (common + COARSE * texture.coarse[place] + FINE * texture.fine[place]);
    }
  }
}

/** The tissue below shows through a lesion a little. */
const SWALLOWED = 0.92;
/** Where a rim is: softened masks are about half at a lesion's border and 1 in its middle. */
const RIM_FROM = 0.85;

function paintLesions(
  { classes, sizeVox: [ax, ay, az] }: Anatomy,
  lesions: SubjectLesions,
  row: Row,
  image: TissueImage,
) {
  const { mask: { soft, part, sizeVox: [mx, my, mz] }, affine: f, allowed, means, rims } = lesions;
  const { o, places: [px, py, pz], tables } = row, { images } = image;
  const width = images.length, white = width;
  for (let k = 0; k < px.length; k++) {
    const u = px[k], v = py[k], w = pz[k];
    const x = f[0] * u + f[1] * v + f[2] * w + f[3];
    if (!(x >= 0 && x < mx - 1)) continue;
    const y = f[4] * u + f[5] * v + f[6] * w + f[7];
    if (!(y >= 0 && y < my - 1)) continue;
    const z = f[8] * u + f[9] * v + f[10] * w + f[11];
    if (!(z >= 0 && z < mz - 1)) continue;
    const i = x | 0, j = y | 0, l = z | 0, base = (i * my + j) * mz + l;
    const a = x - i, b = y - j, c = z - l;
    const lesion = part[base + (a > 0.5 ? my * mz : 0) + (b > 0.5 ? mz : 0) + (c > 0.5 ? 1 : 0)];
    if (lesion === 0 || means[lesion * width] === 0) continue;
    const X = Math.round(u), Y = Math.round(v), Z = Math.round(w);
    if (!(X >= 0 && Y >= 0 && Z >= 0 && X < ax && Y < ay && Z < az)) continue;
    if (allowed[classes[(X * ay + Y) * az + Z]] === 0) continue;
    const n = base + my * mz;
    const share = ((1 - a) * ((1 - b) * ((1 - c) * soft[base] + c * soft[base + 1]) +
          b * ((1 - c) * soft[base + mz] + c * soft[base + mz + 1])) +
      a * ((1 - b) * ((1 - c) * soft[n] + c * soft[n + 1]) + b * ((1 - c) * soft[n + mz] + c * soft[n + mz + 1]))) /
      255;
    const out = o + k;
    if (share >= 0.5) image.lesion[out] = 1;
    for (let m = 0; m < width; m++) {
      const t = lesion * width + m;
      const mean = (share < RIM_FROM ? rims[t] : means[t]) * tables.means[white + m];
      images[m][out] += SWALLOWED * share * (mean - images[m][out]);
    }
  }
}
