/**
 * The foreground of a volume: the voxels that show tissue, whatever the background is. It is the same for every scale of
 * intensities and every width of the empty margin, and it does not see dust of interpolation, stray voxels, small negative
 * values or noise in air.
 */
import { type Box, boxSize } from "../grid/boxes.ts";
import { type GridImage, perAxis, spacingOf, type Triple } from "../grid/grid.ts";
import { checkLength } from "../sampling/_sample.ts";
import { cutWindow } from "../sampling/crop.ts";
import { paint, partsOf } from "./components.ts";
import { closed, eroded, reachOf } from "./morphology.ts";

export interface Foreground {
  /** `part`: tissue before a background; `whole`: the field of view lies within tissue; `none`: empty or constant. */
  readonly kind: "part" | "whole" | "none";
  /** 1 where there is tissue, its cavities filled. */
  readonly mask: Uint8Array;
  readonly voxels: number;
  /** The box around them; null where there are none. */
  readonly box: Box | null;
  /** The intensity of the background: the median of the volume's corners. */
  readonly background: number;
}

/** Share of each axis that a corner takes. */
const CORNER = 0.06;
/** Corners that vary by more than this share of the tissue's contrast show tissue, not background. */
const QUIET = 0.15;
/** Tissue differs from the background by this share of its contrast, and by so many deviations of the background. */
const LEAST_CONTRAST = 0.1;
const LEAST_DEVIATIONS = 4;
/** Share of the voxels, and at least one, that set no scale where nothing else is as bright. */
const STRAYS = 1e-5;
/** Separate parts below this share of the largest are no tissue. */
const LEAST_PART = 0.05;
/** Gaps of twice as many voxels are closed before cavities are filled. */
const CLOSING = 2;
/** As many voxels below the surface of the foreground its core begins. */
const CORE = 2;
/** A core of less than this share is too little to stand for the foreground. */
const LEAST_CORE = 0.25;
/** Below this contrast, absolute or relative to the background, a volume is constant but for rounding. */
const NO_CONTRAST = 1e-15;
const NO_RELATIVE_CONTRAST = 1e-6;

/** Finds the foreground of finite intensities `[X, Y, Z]`. */
export function findForeground({ data, sizeVox, affineRas }: GridImage): Foreground {
  checkLength("find the foreground", data, sizeVox);
  const { level, deviation } = cornersOf(data, sizeVox);
  const contrast = contrastOf(data, level);
  const found = (kind: Foreground["kind"], mask: Uint8Array): Foreground => ({
    kind,
    mask,
    ...extentOf(mask, sizeVox),
    background: level,
  });
  if (!(contrast > Math.max(NO_CONTRAST, NO_RELATIVE_CONTRAST * Math.abs(level)))) {
    return found("none", new Uint8Array(data.length));
  }
  if (deviation > QUIET * contrast) return found("whole", new Uint8Array(data.length).fill(1));
  const least = Math.max(LEAST_CONTRAST * contrast, LEAST_DEVIATIONS * deviation);
  const tissue = new Uint8Array(data.length);
  for (let v = 0; v < data.length; v++) tissue[v] = Math.abs(data[v] - level) > least ? 1 : 0;
  return found("part", filled(largeParts(tissue, sizeVox), sizeVox, spacingOf(affineRas)));
}

/** Median and deviation (of the median, as for a normal distribution) of the eight corners. */
function cornersOf(data: Float32Array, [nx, ny, nz]: Triple): { level: number; deviation: number } {
  const values: number[] = [];
  const ends = (n: number) => {
    const size = Math.min(Math.max(Math.round(n * CORNER), 1), 16);
    return Array.from({ length: n }, (_, i) => i).filter((i) => i < size || i >= n - size);
  };
  for (const x of ends(nx)) {
    for (const y of ends(ny)) for (const z of ends(nz)) values.push(data[(x * ny + y) * nz + z]);
  }
  const level = median(values);
  return { level, deviation: 1.4826 * median(values.map((v) => Math.abs(v - level))) };
}

function median(values: readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1];
}

/** Bins of {@link contrastOf}: the upper 16 bits of a finite float32 number, 128 bins for each power of two. */
const BINS = 0x7f80;
const CHUNK = 4096;

/**
 * The distance from the background that half of all distances, added up, come from: dust and empty margins add nothing to
 * it. Where only strays are as far as that, they are left out.
 */
function contrastOf(data: Float32Array, level: number): number {
  const counts = new Uint32Array(BINS);
  const numbers = new Float32Array(CHUNK), bits = new Uint32Array(numbers.buffer);
  for (let from = 0; from < data.length; from += CHUNK) {
    const count = Math.min(CHUNK, data.length - from);
    for (let i = 0; i < count; i++) numbers[i] = Math.abs(data[from + i] - level);
    for (let i = 0; i < count; i++) counts[bits[i] >>> 16]++;
  }
  const distances = Float64Array.from(counts, (_, bin) => {
    bits[0] = (bin << 16) + (1 << 15);
    return bin === 0 ? 0 : numbers[0];
  });
  const strays = Math.max(1, data.length * STRAYS);
  for (let end = BINS; end > 0;) {
    const middle = medianByDistance(distances, counts, end);
    const contrast = distances[middle];
    if (contrast === 0) return 0;
    let far = end;
    for (let reached = 0; far > 0 && distances[far - 1] > LEAST_CONTRAST * contrast;) {
      reached += counts[--far];
      if (reached > strays) return contrast;
    }
    end = far;
  }
  return 0;
}

/** The bin below `end` up to which half of all distances, added up, lie. */
function medianByDistance(distances: Float64Array, counts: Uint32Array, end: number): number {
  let sum = 0;
  for (let bin = 0; bin < end; bin++) if (counts[bin] > 0) sum += counts[bin] * distances[bin];
  let bin = 0;
  for (let reached = 0; bin < end - 1; bin++) {
    if (counts[bin] > 0) reached += counts[bin] * distances[bin];
    if (reached >= sum / 2 && counts[bin] > 0) break;
  }
  return bin;
}

/**
 * The intensities inside the foreground, without those near its surface, which are partly background; all of it where
 * little else is left. Percentiles over them do not depend on where exactly the surface was found.
 */
export function coreValues({ data, sizeVox, affineRas }: GridImage, { kind, mask, voxels, box }: Foreground) {
  if (kind === "whole" || box === null) return data;
  const size = boxSize(box), reach = reachOf(spacingOf(affineRas), CORE);
  const own = cutWindow(mask, sizeVox, { start: box.start, size });
  const core = eroded(own, size, reach);
  const inCore = core.reduce((n, v) => n + v, 0);
  const isEnough = inCore >= LEAST_CORE * voxels, chosen = isEnough ? core : own;
  const values = new Float32Array(isEnough ? inCore : voxels);
  const inBox = cutWindow(data, sizeVox, { start: box.start, size });
  for (let v = 0, n = 0; v < inBox.length; v++) if (chosen[v] === 1) values[n++] = inBox[v];
  return values;
}

function largeParts(mask: Uint8Array, sizeVox: Triple): Uint8Array {
  const parts = partsOf(mask, sizeVox, { value: 1 });
  const least = LEAST_PART * parts.voxels.reduce((a, b) => Math.max(a, b), 0);
  paint(parts, mask, (p) => parts.voxels[p] < least, 0);
  return mask;
}

/** Narrow gaps are closed, then everything that the border does not reach belongs to the tissue. */
function filled(mask: Uint8Array, sizeVox: Triple, spacing: Triple): Uint8Array {
  const { box } = extentOf(mask, sizeVox);
  if (box === null) return mask;
  // The same margin of air around the tissue, whatever margin the file has.
  const reach = reachOf(spacing, CLOSING);
  const start = perAxis((a) => box.start[a] - reach[a] - 1);
  const size = boxSize({ start, end: perAxis((a) => box.end[a] + reach[a] + 1) });
  const tight = closed(cutWindow(mask, sizeVox, { start, size }), size, reach);
  const gaps = partsOf(tight, size, { value: 0 });
  paint(gaps, tight, (p) => gaps.atBorder[p] === 0, 1);
  return cutWindow(tight, size, { start: perAxis((a) => 0 - start[a]), size: sizeVox });
}

/** How many voxels of a mask are 1, and the box around them. */
function extentOf(mask: Uint8Array, [nx, ny, nz]: Triple): Pick<Foreground, "voxels" | "box"> {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  let voxels = 0;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = mask.subarray((x * ny + y) * nz, (x * ny + y + 1) * nz), first = row.indexOf(1);
      if (first < 0) continue;
      for (let z = first; z < nz; z++) voxels += row[z];
      for (const [a, from, to] of [[0, x, x], [1, y, y], [2, first, row.lastIndexOf(1)]]) {
        low[a] = Math.min(low[a], from);
        high[a] = Math.max(high[a], to);
      }
    }
  }
  if (voxels === 0) return { voxels, box: null };
  return { voxels, box: { start: perAxis((a) => low[a]), end: perAxis((a) => high[a] + 1) } };
}
