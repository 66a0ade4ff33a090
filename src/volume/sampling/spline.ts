/**
 * Cubic B-splines through voxels, as scipy.ndimage's order 3 with its prefilter: beyond the border a volume keeps its border's
 * values (mode `nearest`).
 */
import { stridesOf, type Triple, voxelsOf } from "../grid/grid.ts";

const POLE = Math.sqrt(3) - 2;
/** Border values that the filter is led in over, as many as scipy's: the pole to this power is 1e-7. */
const PAD = 12;

/** One axis of a C-order array: its length and how far its elements lie apart. */
interface Axis {
  readonly sizeVox: Triple;
  readonly axis: 0 | 1 | 2;
}

/** An array whose lines along an axis are replaced by longer or shorter ones. */
function alongLines(
  data: Float32Array,
  { sizeVox, axis }: Axis,
  { count, change }: { count: number; change: (line: Float64Array, out: Float64Array) => void },
): Float32Array {
  const extent = sizeVox[axis],
    size: Triple = [
      axis === 0 ? count : sizeVox[0],
      axis === 1 ? count : sizeVox[1],
      axis === 2 ? count : sizeVox[2],
    ];
  const into = new Float32Array(voxelsOf(size));
  const stride = stridesOf(sizeVox)[axis], outer = voxelsOf(sizeVox) / (extent * stride);
  const line = new Float64Array(extent + 2 * PAD), out = new Float64Array(count);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < stride; i++) {
      const first = o * extent * stride + i;
      for (let k = 0; k < extent; k++) line[PAD + k] = data[first + k * stride];
      line.fill(line[PAD], 0, PAD);
      line.fill(line[PAD + extent - 1], PAD + extent);
      filter(line);
      change(line, out);
      const start = o * count * stride + i;
      for (let k = 0; k < count; k++) into[start + k * stride] = out[k];
    }
  }
  return into;
}

/** A line's values become the coefficients of the spline through them; both ends go on unchanged for ever. */
function filter(line: Float64Array): void {
  const last = line.length - 1, gain = (1 - POLE) * (1 - 1 / POLE);
  for (let k = 0; k <= last; k++) line[k] *= gain;
  const steady = line[last] / (1 - POLE);
  line[0] /= 1 - POLE;
  for (let k = 1; k <= last; k++) line[k] += POLE * line[k - 1];
  line[last] = -POLE * (steady / (1 - POLE) + (line[last] - steady) / (1 - POLE * POLE));
  for (let k = last - 1; k >= 0; k--) line[k] = POLE * (line[k + 1] - line[k]);
}

/** Weights of the four coefficients around a place, `w` behind the second of them. */
function weightsAt(w: number, into: Float64Array, at: number): void {
  const v = 1 - w;
  into[at] = v * v * v / 6;
  into[at + 1] = (4 - 6 * w * w + 3 * w * w * w) / 6;
  into[at + 2] = (4 - 6 * v * v + 3 * v * v * v) / 6;
  into[at + 3] = w * w * w / 6;
}

/** The volume at other places along one axis: output index i samples place `at(i)`. */
export function splineAlong(
  data: Float32Array,
  { count, at, ...axis }: Axis & { readonly count: number; readonly at: (index: number) => number },
): Float32Array {
  const extent = axis.sizeVox[axis.axis];
  const first = new Int32Array(count), weights = new Float64Array(4 * count);
  for (let i = 0; i < count; i++) {
    const place = Math.min(Math.max(at(i), 2 - PAD), extent + PAD - 4), floor = Math.floor(place);
    first[i] = PAD + floor - 1;
    weightsAt(place - floor, weights, 4 * i);
  }
  return alongLines(data, axis, {
    count,
    change: (line, out) => {
      for (let i = 0; i < count; i++) {
        const f = first[i], w = 4 * i;
        out[i] = weights[w] * line[f] + weights[w + 1] * line[f + 1] + weights[w + 2] * line[f + 2] +
          weights[w + 3] * line[f + 3];
      }
    },
  });
}

/** Coefficients beyond each border that a place up to half a voxel outside needs. */
const RIM = 2;

/** A volume's spline at any place up to half a voxel outside; farther places have the value there. */
export function splineOf(data: Float32Array, sizeVox: Triple): (x: number, y: number, z: number) => number {
  const rimmed = (size: Triple, axis: 0 | 1 | 2): Triple =>
    size.map((n, a) => a === axis ? n + 2 * RIM : n) as [number, number, number];
  let coefficients = data, size = sizeVox;
  for (const axis of [0, 1, 2] as const) {
    const count = size[axis] + 2 * RIM;
    coefficients = alongLines(coefficients, { sizeVox: size, axis }, {
      count,
      change: (line, out) => out.set(line.subarray(PAD - RIM, PAD - RIM + count)),
    });
    size = rimmed(size, axis);
  }
  const [, ny, nz] = size, weights = new Float64Array(12);
  return (x, y, z) => {
    const place = [x, y, z].map((v, a) => Math.min(Math.max(v, -0.5), sizeVox[a] - 0.5) + RIM);
    const [ix, iy, iz] = place.map((v, a) => {
      const floor = Math.floor(v);
      weightsAt(v - floor, weights, 4 * a);
      return floor - 1;
    });
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        const row = ((ix + i) * ny + iy + j) * nz + iz, w = weights[i] * weights[4 + j];
        for (let k = 0; k < 4; k++) sum += w * weights[8 + k] * coefficients[row + k];
      }
    }
    return sum;
  };
}
