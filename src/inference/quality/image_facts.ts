/**
 * Facts of prepared images, by which a case is compared with those of a training: how their intensities are distributed, how
 * sharp and how noisy they are, whether they have ghosts, how large the field of view and what stands out in it are, how
 * modalities go together. Taken on the network's grid, after normalisation, most from some ten thousand voxels.
 */
import { type Grid, spacingOf, type Triple } from "../../volume/mod.ts";
import { echoOf } from "./echo.ts";
import { regionFacts } from "./regions.ts";

/** A case on the network's grid; see `Prepared`. */
export interface PreparedImages {
  /** One array [X, Y, Z] a modality. */
  readonly channels: readonly Float32Array[];
  readonly grid: Grid;
  /** 1 where there is tissue. */
  readonly inside: Uint8Array;
}

/** Facts of one modality (`t1`), of two together (`t1 flair`), or of the case (`case`), by name. */
export interface ImageFacts {
  readonly of: string;
  readonly values: Readonly<Record<string, number>>;
}

/** The facts of a case that belong to all its images. */
export const OF_CASE = "case";

/** Voxels that facts are taken from, at most: every n-th line along the last axis. */
const MOST_VOXELS = 50_000;

const QUANTILES = { q5: 0.05, q25: 0.25, q50: 0.5, q75: 0.75, q95: 0.95 } as const;
const AXES = ["x", "y", "z"] as const;

/** The facts of a case's images. */
export function imageFacts(
  { channels, grid, inside }: PreparedImages,
  modalities: readonly string[],
): ImageFacts[] {
  const voxels = sampled(inside, grid.sizeVox);
  const own = channels.map((data, c) => ({
    of: modalities[c],
    values: {
      ...factsOfChannel(data, grid.sizeVox, voxels),
      echo: echoOf(data, inside, grid),
      ...regionFacts(data, { inside, grid }),
    },
  }));
  const at = (data: Float32Array) => Float32Array.from(voxels, (v) => data[v]);
  const pairs = channels.flatMap((a, i) =>
    channels.slice(i + 1).map((b, j) => ({
      of: `${modalities[i]} ${modalities[i + 1 + j]}`,
      values: { correlation: correlation(at(a), at(b)) },
    }))
  );
  return [{ of: OF_CASE, values: extentOf(inside, grid) }, ...own, ...pairs];
}

/** Indices of voxels with tissue around them on all sides, so that differences to neighbours are those of tissue. */
function sampled(inside: Uint8Array, [nx, ny, nz]: Triple): Uint32Array {
  // a step that shares no divisor with the number of lines in a plane visits all of them in turn
  let every = Math.max(1, Math.ceil(inside.length / MOST_VOXELS));
  while (divisor(every, ny) > 1) every++;
  const found: number[] = [];
  const strides = [ny * nz, nz, 1];
  for (let line = 0; line < nx * ny; line++) {
    const x = Math.floor(line / ny), y = line % ny;
    if (line % every !== 0 || x < 2 || y < 2 || x > nx - 3 || y > ny - 3) continue;
    for (let z = 2, v = line * nz + 2; z < nz - 2; z++, v++) {
      if (inside[v] === 1 && strides.every((s) => inside[v - 2 * s] === 1 && inside[v + 2 * s] === 1)) found.push(v);
    }
  }
  return Uint32Array.from(found);
}

const divisor = (a: number, b: number): number => b === 0 ? a : divisor(b, a % b);

function factsOfChannel(data: Float32Array, [, ny, nz]: Triple, voxels: Uint32Array): Record<string, number> {
  if (voxels.length === 0) return {};
  const sorted = Float32Array.from(voxels, (v) => data[v]).sort();
  const at = (q: number) => sorted[Math.round(q * (sorted.length - 1))];
  const quantiles = Object.fromEntries(Object.entries(QUANTILES).map(([name, q]) => [name, at(q)]));
  const contrast = quantiles.q95 - quantiles.q5;
  if (!(contrast > 0)) return { ...quantiles };
  const facts: Record<string, number> = { ...quantiles };
  const rough: number[] = [], slopes = new Float32Array(voxels.length);
  for (const [a, stride] of [ny * nz, nz, 1].entries()) {
    let near = 0, far = 0;
    const curved = new Float32Array(voxels.length);
    for (const [i, v] of voxels.entries()) {
      const step = data[v + stride] - data[v];
      near += Math.abs(step);
      slopes[i] += step ** 2;
      far += Math.abs(data[v + 2 * stride] - data[v]);
      curved[i] = Math.abs(data[v + stride] - 2 * data[v] + data[v - stride]);
    }
    facts[`sharpness ${AXES[a]}`] = log2(near / far);
    facts[`edges ${AXES[a]}`] = log2(near / voxels.length / contrast);
    rough.push(curved.sort()[curved.length >> 1]);
  }
  // edges of dark things are steep in one contrast, of bright ones in another: an inverted image changes the sign
  facts.tone = correlation(Float32Array.from(voxels, (v) => data[v]), slopes.map(Math.sqrt));
  facts.noise = log2(Math.min(...rough) / contrast);
  return facts;
}

/** Ratios are compared by their logarithm; that of nothing is as low as any that images have. */
const log2 = (ratio: number) => ratio > 0 ? Math.max(-20, Math.log2(ratio)) : -20;

function correlation(a: Float32Array, b: Float32Array): number {
  let sumA = 0, sumB = 0, aa = 0, bb = 0, ab = 0;
  for (let i = 0; i < a.length; i++) {
    sumA += a[i];
    sumB += b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
    ab += a[i] * b[i];
  }
  const n = a.length, spread = (n * aa - sumA ** 2) * (n * bb - sumB ** 2);
  return spread > 0 ? (n * ab - sumA * sumB) / Math.sqrt(spread) : 0;
}

/** Sides of the box around the tissue and its volume, as log₂ of mm and mL. */
function extentOf(inside: Uint8Array, { sizeVox: [nx, ny, nz], affineRas }: Grid): Record<string, number> {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  let count = 0;
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) {
        if (inside[v] === 0) continue;
        count++;
        if (x < low[0]) low[0] = x;
        if (x > high[0]) high[0] = x;
        if (y < low[1]) low[1] = y;
        if (y > high[1]) high[1] = y;
        if (z < low[2]) low[2] = z;
        if (z > high[2]) high[2] = z;
      }
    }
  }
  const spacing = spacingOf(affineRas);
  const sides = AXES.map((name, a) => [`extent ${name}`, log2((high[a] - low[a] + 1) * spacing[a])]);
  return { ...Object.fromEntries(sides), volume: log2(count * spacing[0] * spacing[1] * spacing[2] / 1000) };
}
