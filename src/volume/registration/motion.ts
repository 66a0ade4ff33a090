/** Maps of space about a centre, and the small changes that lead from one to the next. */
import { multiplyAffines, type Triple } from "../grid/grid.ts";

/** q = linear · (p − from) + to, millimetres. */
export interface Motion {
  /** 3×3, row-major. */
  readonly linear: readonly number[];
  readonly from: Triple;
  readonly to: Triple;
}

/** `rigid`: 6 parameters. `similarity`: and a scale. `affine`: 12. */
export type MotionKind = "rigid" | "similarity" | "affine";

const unit = (i: number, j: number) => Array.from({ length: 9 }, (_, k) => Number(k === 3 * i + j));
const minus = (a: number[], b: number[]) => a.map((v, k) => v - b[k]);
const TURNS = [minus(unit(2, 1), unit(1, 2)), minus(unit(0, 2), unit(2, 0)), minus(unit(1, 0), unit(0, 1))];
const SCALE = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** The 3×3 matrices G whose multiples change a motion: linear ← exp(Σ δ G) · linear. Three shifts follow them. */
export const GENERATORS: Readonly<Record<MotionKind, readonly (readonly number[])[]>> = {
  rigid: TURNS,
  similarity: [...TURNS, SCALE],
  affine: Array.from({ length: 9 }, (_, k) => unit(Math.floor(k / 3), k % 3)),
};

/** The motion after small changes, in the order of the generators, then millimetres along the axes. */
export function moved(motion: Motion, kind: MotionKind, change: readonly number[]): Motion {
  const generators = GENERATORS[kind], sum = new Array<number>(9).fill(0);
  generators.forEach((g, k) => g.forEach((v, i) => sum[i] += change[k] * v));
  const shift = change.slice(generators.length), { to } = motion;
  return {
    ...motion,
    linear: product(exponential(sum), motion.linear),
    to: [to[0] + shift[0], to[1] + shift[1], to[2] + shift[2]],
  };
}

/** Terms of the series, which converges fast for changes below 1. */
const TERMS = 12;

function exponential(a: readonly number[]): number[] {
  let term: number[] = SCALE, sum = [...SCALE];
  for (let n = 1; n <= TERMS; n++) {
    term = product(term, a).map((v) => v / n);
    sum = sum.map((v, i) => v + term[i]);
  }
  return sum;
}

export function product(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: 9 }, (_, k) => {
    const r = 3 * Math.floor(k / 3), c = k % 3;
    return a[r] * b[c] + a[r + 1] * b[3 + c] + a[r + 2] * b[6 + c];
  });
}

/** The motion as a 4×4 matrix, row-major. */
export function matrixOf({ linear, from, to }: Motion): number[] {
  const [a, b, c, d, e, f, g, h, i] = linear;
  const about = [a, b, c, to[0], d, e, f, to[1], g, h, i, to[2], 0, 0, 0, 1];
  return multiplyAffines(about, [1, 0, 0, -from[0], 0, 1, 0, -from[1], 0, 0, 1, -from[2], 0, 0, 0, 1]);
}

/** Factor by which lengths grow in the mean: the cube root of the determinant; NaN of a mirrored map. */
export function growthOf({ linear: m }: Motion): number {
  const volume = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
    m[2] * (m[3] * m[7] - m[4] * m[6]);
  return volume > 0 ? Math.cbrt(volume) : NaN;
}

/** Turns about the axes R, A and S, radians, one after the other, and a scale. */
export function turned([x, y, z]: Triple, scale = 1): number[] {
  const [cx, sx, cy, sy, cz, sz] = [x, y, z].flatMap((t) => [Math.cos(t), Math.sin(t)]);
  const rx = [1, 0, 0, 0, cx, -sx, 0, sx, cx], ry = [cy, 0, sy, 0, 1, 0, -sy, 0, cy];
  const rz = [cz, -sz, 0, sz, cz, 0, 0, 0, 1];
  return product(rz, product(ry, rx)).map((v) => v * scale);
}
