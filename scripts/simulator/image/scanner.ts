/** The scanner: how each modality is acquired, drawn once a subject, and applied to its ideal image. */
import type { Random } from "../../../src/tensor/mod.ts";
import type { Grid, Triple } from "../../../src/volume/mod.ts";
import {
  coarseField,
  coarseNodes,
  coarseRow,
  controlAt,
  type ControlField,
  drawControlField,
} from "../fields/fields.ts";
import type { Region } from "../fields/fields.ts";
import type { Modality } from "./modalities.ts";
import { Normals } from "../fields/noise.ts";
import { convolve, gaussianTaps, sampledAlong, type Tap } from "../fields/smooth.ts";

/** How one modality is acquired. */
export interface Acquisition {
  /** Voxel of the acquisition along each axis, mm; thick slices have one large one. */
  readonly resolutionMm: Triple;
  /** Place of the first slice, as a share of its thickness. */
  readonly phases: Triple;
  /** Deviation of the noise; white matter's signal is about 1. */
  readonly noise: number;
  /** Magnitude images have Rician noise, maps computed from several images do not. */
  readonly isMagnitude: boolean;
  /** Signals below this are 0, as reconstructions do that clear the background; 0: none. */
  readonly cleared: number;
  /** Logarithm of the receive field. */
  readonly bias: ControlField;
  /** Copies that motion adds along an axis; none: the subject lay still. */
  readonly motion: { readonly axis: 0 | 1 | 2; readonly taps: readonly Tap[] } | null;
  /** Signal of white matter in the file. */
  readonly gain: number;
}

export interface ScannerOptions {
  /** Multiplies the noise. */
  readonly noise: number;
  /** Deviation of the logarithm of the receive field's largest part. */
  readonly bias: number;
  /** Chance that a scan has motion artefacts. */
  readonly motion: number;
  /** Chance that a scan has thick slices. */
  readonly thickSlices: number;
}

export const SCANNER: ScannerOptions = { noise: 1, bias: 0.12, motion: 0.12, thickSlices: 0.35 };

/** Diffusion and angiography resolve otherwise than the rest: in plane, mm, and noise relative to theirs. */
const HABITS: Readonly<Partial<Record<Modality, { inPlaneMm: number; noise: number }>>> = {
  dwi: { inPlaneMm: 1.7, noise: 1.5 },
  adc: { inPlaneMm: 1.7, noise: 2 },
  flair: { inPlaneMm: 1, noise: 1.3 },
  mra: { inPlaneMm: 0.7, noise: 1.6 },
};

export function drawAcquisition(random: Random, modality: Modality, options: ScannerOptions = SCANNER): Acquisition {
  const { inPlaneMm, noise } = HABITS[modality] ?? { inPlaneMm: 0.9, noise: 1 };
  const isDiffusion = modality === "dwi" || modality === "adc";
  const thickness = random.uniform() < (isDiffusion ? 2 * options.thickSlices : options.thickSlices)
    ? 2 + 4 * random.uniform()
    : Math.max(1, inPlaneMm);
  const across = random.uniform() < 0.8 ? 2 : random.integer(3);
  const inPlane = inPlaneMm * Math.exp(0.15 * random.normal());
  const resolution = [inPlane, inPlane, inPlane];
  resolution[across] = thickness;
  const sigma = options.noise * noise * 0.028 * Math.exp(0.4 * random.normal());
  return {
    resolutionMm: [resolution[0], resolution[1], resolution[2]],
    phases: [random.uniform(), random.uniform(), random.uniform()],
    noise: sigma,
    cleared: random.uniform() < 0.4 ? 3 * sigma : 0,
    isMagnitude: modality !== "adc",
    bias: drawControlField(random, { spacingMm: 75, deviation: options.bias * Math.exp(0.4 * random.normal()) }),
    motion: random.uniform() < options.motion ? drawMotion(random, across) : null,
    gain: modality === "adc" ? 780 : 150 * 6 ** random.uniform(),
  };
}

/** Motion: ghosts along the phase-encoding axis, or edges that ring and blur. */
function drawMotion(random: Random, across: number): NonNullable<Acquisition["motion"]> {
  const inPlane = ([0, 1, 2] as const).filter((a) => a !== across);
  const axis = inPlane[random.integer(2)];
  const weight = 0.02 + 0.07 * random.uniform();
  const shift = random.uniform() < 0.5 ? 30 + random.integer(60) : 2 + random.integer(6);
  const sign = random.uniform() < 0.3 ? -1 : 1;
  const taps = [
    { shift: 0, weight: 1 - 2 * weight * sign },
    { shift, weight: weight * sign },
    { shift: -shift, weight: weight * sign },
  ];
  return { axis, taps };
}

interface ScanOptions {
  readonly grid: Grid;
  readonly region: Region;
  /** The noise's own stream. */
  readonly random: Random;
}

/** Blurs labels' staircases even where the scanner resolves more than the anatomy has, mm. */
const LEAST_BLUR_MM = 0.55;

/** The scan of an ideal image of a region, in place of it; white matter's signal stays about 1. */
export function scan(
  image: Float32Array,
  acquisition: Acquisition,
  { grid, region, random }: ScanOptions,
): Float32Array {
  const { resolutionMm, motion, phases } = acquisition;
  multiplyBias(image, acquisition.bias, { grid, region });
  if (motion !== null) convolve(image, region.sizeVox, { ...motion, edge: "repeat" });
  // Noise belongs to acquired voxels: where they are larger than the grid's, it is made there and interpolated with them.
  let values: Float32Array = image, size: Triple = region.sizeVox;
  const back: { readonly axis: 0 | 1 | 2; readonly places: Float64Array }[] = [];
  for (const axis of [0, 1, 2] as const) {
    const spacing = Math.abs(grid.affineRas[5 * axis]);
    const sigma = Math.max(LEAST_BLUR_MM, 0.42 * resolutionMm[axis]) / spacing;
    if (resolutionMm[axis] > 1.2 * spacing) {
      const line = acquiredPlaces(region, axis, { stepVox: resolutionMm[axis] / spacing, phase: phases[axis] });
      values = sampledAlong(values, size, { axis, places: line.down, sigma });
      size = withCount(size, axis, line.down.length);
      back.push({ axis, places: line.up });
    } else if (sigma > 0.25) {
      convolve(values, size, { axis, taps: gaussianTaps(sigma) });
    }
  }
  addNoise(values, acquisition, random);
  for (const { axis, places } of back.toReversed()) {
    values = sampledAlong(values, size, { axis, places, sigma: 0 });
    size = withCount(size, axis, places.length);
  }
  const { cleared } = acquisition;
  for (let i = 0; cleared > 0 && i < values.length; i++) if (values[i] < cleared) values[i] = 0;
  return values;
}

function withCount(size: Triple, axis: number, count: number): Triple {
  return [axis === 0 ? count : size[0], axis === 1 ? count : size[1], axis === 2 ? count : size[2]];
}

function multiplyBias(image: Float32Array, bias: ControlField, { grid, region }: { grid: Grid; region: Region }): void {
  const f = grid.affineRas, [nx, ny, nz] = region.sizeVox, [fx, fy, fz] = region.fromVox;
  // The whole grid's nodes are the same whatever the region.
  const step = Math.max(1, Math.round(8 / Math.abs(f[0])));
  const field = coarseField(
    coarseNodes(region, step),
    (x, y, z) => Math.exp(controlAt(bias, f[0] * x + f[3], f[5] * y + f[7], f[10] * z + f[11])),
  );
  const row = new Float32Array(nz);
  for (let x = 0, o = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      coarseRow(field, [x + fx, y + fy, fz], row);
      for (let k = 0; k < nz; k++, o++) image[o] *= row[k];
    }
  }
}

interface Places {
  /** Places of acquired voxels in the region's. */
  readonly down: Float64Array;
  /** Places of the region's voxels among the acquired. */
  readonly up: Float64Array;
}

/** Acquired voxels lie where the whole grid has them, so that crops of a head agree. */
function acquiredPlaces(
  { fromVox, sizeVox }: Region,
  axis: 0 | 1 | 2,
  { stepVox, phase }: { stepVox: number; phase: number },
): Places {
  const from = fromVox[axis], count = sizeVox[axis];
  const first = Math.floor(from / stepVox - phase);
  const last = Math.ceil((from + count - 1) / stepVox - phase);
  return {
    down: Float64Array.from({ length: last - first + 1 }, (_, i) => (first + i + phase) * stepVox - from),
    up: Float64Array.from({ length: count }, (_, i) => (from + i) / stepVox - phase - first),
  };
}

function addNoise(values: Float32Array, { noise, isMagnitude }: Acquisition, random: Random): void {
  const normals = new Normals(random);
  if (!isMagnitude) {
    for (let i = 0; i < values.length; i++) values[i] += noise * normals.next();
    return;
  }
  for (let i = 0; i < values.length; i++) {
    const real = values[i] + noise * normals.next(), imaginary = noise * normals.next();
    values[i] = Math.sqrt(real * real + imaginary * imaginary);
  }
}
