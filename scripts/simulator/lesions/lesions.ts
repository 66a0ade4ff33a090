/** A subject's lesions: a real mask moved a little, and how each lesion looks in each modality. */
import type { Random } from "../../../src/tensor/mod.ts";
import { applyAffine, invertAffine, multiplyAffines } from "../../../src/volume/grid/grid.ts";
import type { Anatomy } from "../anatomy/anatomy.ts";
import { classFlags } from "../anatomy/classes.ts";
import type { ContrastKind } from "../image/contrast.ts";
import { clampedNormal } from "../anatomy/geometry.ts";
import type { LesionKind, LesionMask } from "./lesion_masks.ts";
import { MODALITIES, type Modality } from "../image/modalities.ts";
import { LESIONS } from "../image/signals.ts";

/** Where lesions of a kind may lie; a mask of another brain reaches into fluid and cortex that this one has there. */
const ALLOWED: Readonly<Record<LesionKind, Uint8Array>> = {
  ms: classFlags(({ kind }) => kind === "white" || kind === "deep"),
  stroke: classFlags(({ kind }) => kind === "white" || kind === "grey" || kind === "deep"),
};

export interface SubjectLesions {
  readonly mask: LesionMask;
  /** Anatomy voxel → mask voxel. */
  readonly affine: readonly number[];
  /** 1 for the classes that may hold them. */
  readonly allowed: Uint8Array;
  /** By lesion (from 1) and modality: signal, white matter being 1. 0: this lesion is not there. */
  readonly means: Float32Array;
  /** By lesion and modality: signal of its rim; as `means` where it has none. */
  readonly rims: Float32Array;
}

interface LesionDraw {
  readonly anatomy: Anatomy;
  readonly mask: LesionMask;
  readonly modalities: readonly Modality[];
  readonly contrast: ContrastKind;
}

export function drawLesions(random: Random, { anatomy, mask, modalities, contrast }: LesionDraw): SubjectLesions {
  const allowed = ALLOWED[mask.kind];
  const sign = random.uniform() < 0.5 ? -1 : 1;
  const inside = sampleOf(mask);
  let affine: readonly number[] = [], best = -1;
  for (let n = 0; n < PLACINGS; n++) {
    const candidate = multiplyAffines(
      invertAffine(mask.toStandard),
      multiplyAffines(drawMove(random, sign), anatomy.toStandard),
    );
    const hits = hitsOf(anatomy, allowed, { inside, toAnatomy: invertAffine(candidate) });
    if (hits > best) [affine, best] = [candidate, hits];
  }
  const looks = contrast === "real" ? realLooks : randomLooks;
  return { mask, affine, allowed, ...looks(random, mask, modalities) };
}

/** Brains differ more than an affine says: of so many random places the one where most of the mask may lie. */
const PLACINGS = 12;

/** Standard space onto itself: mirrored where the sign is −1, shifted and scaled a little. */
function drawMove(random: Random, sign: number): number[] {
  const scale = [0, 1, 2].map(() => Math.exp(0.07 * clampedNormal(random)));
  const [dx, dy, dz] = [0, 1, 2].map(() => 3.5 * clampedNormal(random));
  return [sign * scale[0], 0, 0, dx, 0, scale[1], 0, dy, 0, 0, scale[2], dz, 0, 0, 0, 1];
}

/** Voxels that a placing is judged by. */
const SAMPLE = 1500;

/** Voxels of a mask's lesions, evenly through all of them: three numbers each. */
function sampleOf({ soft, sizeVox: [, ny, nz], voxels }: LesionMask): Float32Array {
  const every = Math.max(1, Math.floor(voxels.reduce((a, b) => a + b) / SAMPLE));
  const found: number[] = [];
  for (let i = 0, n = 0; i < soft.length; i++) {
    if (soft[i] < 128 || n++ % every !== 0) continue;
    found.push(Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz);
  }
  return Float32Array.from(found);
}

interface Placing {
  readonly inside: Float32Array;
  /** Mask voxel → anatomy voxel. */
  readonly toAnatomy: readonly number[];
}

/** How many of a mask's sampled voxels lie where lesions may. */
function hitsOf(
  { classes, sizeVox: [nx, ny, nz] }: Anatomy,
  allowed: Uint8Array,
  { inside, toAnatomy }: Placing,
): number {
  let hits = 0;
  for (let i = 0; i < inside.length; i += 3) {
    const [x, y, z] = applyAffine(toAnatomy, [inside[i], inside[i + 1], inside[i + 2]]).map(Math.round);
    if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz) continue;
    hits += allowed[classes[(x * ny + y) * nz + z]];
  }
  return hits;
}

type Looks = Pick<SubjectLesions, "means" | "rims">;

/** How enhancement looks: white matter's signal times this. */
const ENHANCED = [1.25, 1.9] as const;
/** Lesions that enhance as a whole, and below it those with a rim, need no more than this, voxels. */
const LEAST_RIM = 60;

function realLooks(random: Random, mask: LesionMask, modalities: readonly Modality[]): Looks {
  const count = mask.parts + 1, width = modalities.length;
  const means = new Float32Array(count * width), rims = new Float32Array(count * width);
  const keep = mask.kind === "ms" ? 0.6 + 0.4 * random.uniform() : 1;
  // Few patients have active lesions, and few of theirs are.
  const active = mask.kind === "ms" && random.uniform() < 0.35 ? 0.25 * random.uniform() : 0;
  const ofSubject = random.uniform();
  // Acute strokes darken the ADC first; FLAIR follows after hours.
  const ageOfStroke = random.uniform();
  for (let part = 1; part < count; part++) {
    if (part > 1 && random.uniform() > keep) continue;
    // One severity for all modalities: what is darker in t1 is brighter in t2.
    const size = Math.min(1, Math.log10(1 + mask.voxels[part]) / 4);
    const severity = 0.35 * random.uniform() + 0.3 * ofSubject + 0.35 * size;
    const isActive = random.uniform() < active, hasRim = mask.voxels[part] > LEAST_RIM && random.uniform() < 0.6;
    const enhanced = ENHANCED[0] + (ENHANCED[1] - ENHANCED[0]) * random.uniform();
    for (const [m, modality] of modalities.entries()) {
      const [low, high] = LESIONS[mask.kind][MODALITIES.indexOf(modality)];
      const isDark = low < 1 && high <= 1;
      const own = severity + 0.12 * (random.uniform() - 0.5);
      const share = mask.kind === "stroke" && (modality === "flair" || modality === "t2") ? own * ageOfStroke : own;
      const mean = isDark ? high - share * (high - low) : low + share * (high - low);
      const at = part * width + m;
      means[at] = Math.max(0.02, mean);
      rims[at] = means[at];
      if (modality !== "t1c" || !isActive) continue;
      rims[at] = enhanced;
      if (!hasRim) means[at] = enhanced;
    }
  }
  return { means, rims };
}

function randomLooks(random: Random, mask: LesionMask, modalities: readonly Modality[]): Looks {
  const width = modalities.length, of = modalities.map(() => 0.05 + 1.75 * random.uniform());
  const means = Float32Array.from(
    { length: (mask.parts + 1) * width },
    (_, i) => i < width ? 0 : Math.max(0.02, of[i % width] * (1 + 0.1 * clampedNormal(random))),
  );
  return { means, rims: means };
}
