/**
 * The correlation of images under a motion, and the step that raises it. Normalised cross-correlation sees no gain or offset
 * of intensities; the step is Gauss-Newton's on the normalised images, damped as Levenberg and Marquardt do.
 */
import type { Field } from "./field.ts";
import { sampler } from "./field.ts";
import { GENERATORS, growthOf, type Motion, type MotionKind, moved } from "./motion.ts";

/** What is compared: points in the fixed images' space, their values, and where to look for the like. */
export interface Comparison {
  /** x, y, z after each other, RAS millimetres. */
  readonly points: Float64Array;
  /** For each pair of images: values at the points, and the other image. */
  readonly pairs: readonly { readonly values: Float32Array; readonly field: Field }[];
}

/** Of the points, at least this share must fall where something is known. */
const LEAST_KNOWN = 0.5;
/** Growth of lengths between two heads, or two images of one part. */
const GROWTH = { least: 0.75, most: 1.35 };

interface Sums {
  /** The correlation of each pair; −1 where too little is known. */
  readonly correlations: readonly number[];
  /** Gauss-Newton's matrix and right-hand side, summed over the pairs. */
  readonly matrix: Float64Array;
  readonly gradient: Float64Array;
}

/** The correlation of each pair under a motion. */
export function correlationsOf(comparison: Comparison, motion: Motion): readonly number[] {
  return summed(comparison, motion, []).correlations;
}

export const meanOf = (values: readonly number[]) => values.reduce((a, v) => a + v, 0) / values.length;

function summed({ points, pairs }: Comparison, motion: Motion, generators: readonly (readonly number[])[]): Sums {
  const hasSteps = generators.length > 0, params = hasSteps ? generators.length + 3 : 0;
  const { linear: a, from, to } = motion, count = points.length / 3;
  const matrix = new Float64Array(params * params), gradient = new Float64Array(params);
  const out = new Float64Array(4), j = new Float64Array(params);
  const correlations = pairs.map(({ values, field }) => {
    const at = sampler(field);
    const sumJ = new Float64Array(params), sumJm = new Float64Array(params), sumJf = new Float64Array(params);
    const sumJJ = new Float64Array(params * params);
    let n = 0, sumF = 0, sumFF = 0, sumM = 0, sumMM = 0, sumFM = 0;
    for (let p = 0; p < count; p++) {
      const x = points[3 * p] - from[0], y = points[3 * p + 1] - from[1], z = points[3 * p + 2] - from[2];
      const u = a[0] * x + a[1] * y + a[2] * z, v = a[3] * x + a[4] * y + a[5] * z, w = a[6] * x + a[7] * y + a[8] * z;
      if (!at(u + to[0], v + to[1], w + to[2], out)) continue;
      const f = values[p], m = out[0];
      n++;
      sumF += f;
      sumFF += f * f;
      sumM += m;
      sumMM += m * m;
      sumFM += f * m;
      if (!hasSteps) continue;
      const gx = out[1], gy = out[2], gz = out[3];
      for (let k = 0; k < generators.length; k++) {
        const g = generators[k];
        j[k] = gx * (g[0] * u + g[1] * v + g[2] * w) + gy * (g[3] * u + g[4] * v + g[5] * w) +
          gz * (g[6] * u + g[7] * v + g[8] * w);
      }
      j[params - 3] = gx;
      j[params - 2] = gy;
      j[params - 1] = gz;
      for (let k = 0; k < params; k++) {
        const jk = j[k];
        if (jk === 0) continue;
        sumJ[k] += jk;
        sumJm[k] += jk * m;
        sumJf[k] += jk * f;
        for (let l = 0; l <= k; l++) sumJJ[k * params + l] += jk * j[l];
      }
    }
    const spreadF = Math.sqrt(Math.max(sumFF - sumF * sumF / n, 0));
    const spreadM = Math.sqrt(Math.max(sumMM - sumM * sumM / n, 0));
    if (!(n >= LEAST_KNOWN * count) || !(spreadF > 0) || !(spreadM > 0)) return -1;
    const ncc = (sumFM - sumF * sumM / n) / (spreadF * spreadM);
    const along = new Float64Array(params);
    for (let k = 0; k < params; k++) {
      along[k] = (sumJm[k] - sumJ[k] * sumM / n) / spreadM;
      gradient[k] += ((sumJf[k] - sumJ[k] * sumF / n) / spreadF - along[k] * ncc) / spreadM;
    }
    for (let k = 0; k < params; k++) {
      for (let l = 0; l <= k; l++) {
        const jj = sumJJ[k * params + l] - sumJ[k] * sumJ[l] / n;
        matrix[k * params + l] += (jj - along[k] * along[l]) / spreadM ** 2;
        matrix[l * params + k] = matrix[k * params + l];
      }
    }
    return ncc;
  });
  return { correlations, matrix, gradient };
}

/** Damping at the start, its factors after a step that helped and one that did not, and the most steps. */
const DAMPING = { start: 1e-2, down: 1 / 3, up: 4, most: 1e6 };
/** A step that raises the correlation by less ends the search. */
const LEAST_GAIN = 1e-5;

/** The motion near `start` under which the images correlate most, and the mean correlation. */
export function climbed(
  comparison: Comparison,
  start: Motion,
  { kind, steps }: { kind: MotionKind; steps: number },
): { readonly motion: Motion; readonly correlation: number } {
  let motion = start, damping = DAMPING.start;
  let sums = summed(comparison, motion, GENERATORS[kind]), best = meanOf(sums.correlations);
  for (let step = 0; step < steps && damping < DAMPING.most; step++) {
    const change = solved(sums, damping);
    const next = change === null ? null : moved(motion, kind, change);
    const growth = next === null ? NaN : growthOf(next);
    const found = next !== null && growth >= GROWTH.least && growth <= GROWTH.most
      ? summed(comparison, next, GENERATORS[kind])
      : null;
    const correlation = found === null ? -1 : meanOf(found.correlations);
    if (found === null || !(correlation > best)) {
      damping *= DAMPING.up;
      continue;
    }
    const gain = correlation - best;
    [motion, sums, best] = [next!, found, correlation];
    damping *= DAMPING.down;
    if (gain < LEAST_GAIN) break;
  }
  return { motion, correlation: best };
}

/** (H + λ·diag H) δ = g by Cholesky's way; null where H is flat. */
function solved({ matrix, gradient }: Sums, damping: number): number[] | null {
  const n = gradient.length, l = new Float64Array(n * n);
  for (let r = 0; r < n; r++) {
    for (let c = 0; c <= r; c++) {
      let sum = matrix[r * n + c] * (r === c ? 1 + damping : 1);
      for (let k = 0; k < c; k++) sum -= l[r * n + k] * l[c * n + k];
      if (r !== c) l[r * n + c] = sum / l[c * n + c];
      else if (sum > 0) l[r * n + r] = Math.sqrt(sum);
      else return null;
    }
  }
  const y = new Array<number>(n).fill(0);
  for (let r = 0; r < n; r++) {
    let sum = gradient[r];
    for (let k = 0; k < r; k++) sum -= l[r * n + k] * y[k];
    y[r] = sum / l[r * n + r];
  }
  for (let r = n - 1; r >= 0; r--) {
    let sum = y[r];
    for (let k = r + 1; k < n; k++) sum -= l[k * n + r] * y[k];
    y[r] = sum / l[r * n + r];
  }
  return y;
}
