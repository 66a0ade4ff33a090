/** Draws all that a simulated subject is made by; no voxel is made here. */
import { Random } from "../../src/tensor/mod.ts";
import { type Grid, spacingAffine, type Triple } from "../../src/volume/mod.ts";
import type { Anatomy } from "./anatomy/anatomy.ts";
import { boxInSubject, drawGeometry, type Geometry, SHAPE, type ShapeOptions } from "./anatomy/geometry.ts";
import { type ControlField, drawControlField } from "./fields/fields.ts";
import { noiseTile, TILE } from "./fields/noise.ts";
import { type Contrast, type ContrastKind, drawContrast } from "./image/contrast.ts";
import { MODALITIES, type Modality } from "./image/modalities.ts";
import { type Acquisition, drawAcquisition, SCANNER, type ScannerOptions } from "./image/scanner.ts";
import type { Texture } from "./image/tissue.ts";
import type { LesionMask } from "./lesions/lesion_masks.ts";
import { drawLesions, type SubjectLesions } from "./lesions/lesions.ts";

export interface SubjectOptions {
  readonly seed: number | string;
  /** Default: all eight. */
  readonly modalities?: readonly Modality[];
  /** Default `real`; `random`: any grey for any tissue. */
  readonly contrast?: ContrastKind;
  /** Voxel of the scans, mm; default 1. */
  readonly spacingMm?: number;
  /** Masks of which one is painted; default none. */
  readonly lesions?: readonly LesionMask[];
  /** Chance that a subject has lesions where there are masks; default 1. */
  readonly lesionChance?: number;
  /** Chance that the skull is stripped; default 0.5. */
  readonly stripped?: number;
  /** Chance that the neck, and often more, is outside the field of view of a head with skull; default 0.6. */
  readonly neckCut?: number;
  /** Chance that a modality is missing; one always stays. Default 0. */
  readonly missing?: number;
  readonly shape?: ShapeOptions;
  readonly scanner?: ScannerOptions;
}

/** All that is drawn for a subject; images follow from it. */
export interface SubjectPlan {
  readonly seed: string;
  readonly anatomy: Anatomy;
  readonly grid: Grid;
  readonly modalities: readonly Modality[];
  readonly geometry: Geometry;
  readonly contrasts: readonly Contrast[];
  readonly acquisitions: readonly Acquisition[];
  readonly texture: Texture;
  readonly lesions: SubjectLesions | null;
  /** Distance from the brain's surface that a strip keeps, mm, and how it errs from place to place; null: with skull. */
  readonly strip: { readonly reachMm: number; readonly errorMm: ControlField } | null;
}

/** Draws a subject. @throws {RangeError} a spacing that is not positive, or no modality */
export function planSubject(anatomy: Anatomy, options: SubjectOptions): SubjectPlan {
  const { contrast = "real", spacingMm = 1, lesions: masks = [], lesionChance = 1 } = options;
  const wanted = options.modalities ?? MODALITIES;
  if (!(spacingMm > 0) || wanted.length === 0) {
    throw new RangeError(
      `Cannot simulate a subject: expected a spacing above 0 and a modality, got ${spacingMm} and ${wanted.length}`,
    );
  }
  const random = new Random(options.seed);
  const geometry = drawGeometry(random.fork("shape"), anatomy, options.shape ?? SHAPE);
  const modalities = present(random.fork("missing"), wanted, options.missing ?? 0);
  const view = random.fork("view");
  const isStripped = view.uniform() < (options.stripped ?? 0.5);
  const isCut = view.uniform() < (options.neckCut ?? 0.6);
  const ofLesions = random.fork("lesions");
  const hasLesions = masks.length > 0 && ofLesions.uniform() < lesionChance;
  const mask = hasLesions ? masks[ofLesions.integer(masks.length)] : null;
  return {
    seed: String(options.seed),
    anatomy,
    grid: fieldOfView(view, { anatomy, geometry, spacingMm, isStripped, isCut }),
    modalities,
    geometry,
    contrasts: modalities.map((m) => drawContrast(random.fork(`contrast ${m}`), m, contrast)),
    acquisitions: modalities.map((m) => drawAcquisition(random.fork(`scanner ${m}`), m, options.scanner ?? SCANNER)),
    texture: drawTexture(random.fork("texture"), modalities.length),
    lesions: mask && drawLesions(ofLesions, { anatomy, mask, modalities, contrast }),
    strip: isStripped ? drawStrip(random.fork("strip")) : null,
  };
}

function present(random: Random, wanted: readonly Modality[], missing: number): Modality[] {
  const kept = wanted.filter(() => random.uniform() >= missing);
  return kept.length > 0 ? kept : [wanted[random.integer(wanted.length)]];
}

function drawStrip(random: Random): NonNullable<SubjectPlan["strip"]> {
  return {
    reachMm: 1 + 2.5 * random.uniform(),
    errorMm: drawControlField(random, { spacingMm: 18, deviation: random.uniform() }),
  };
}

const TILES = 4;
const tiles: { fine: Float32Array; coarse: Float32Array }[] = [];

/** Tiles are made once a process: other shifts make other noise. */
function drawTexture(random: Random, modalities: number): Texture {
  if (tiles.length === 0) {
    for (let n = 0; n < TILES; n++) {
      const own = new Random("texture").fork(String(n));
      tiles.push({ fine: noiseTile(own.fork("fine"), 0.9), coarse: noiseTile(own.fork("coarse"), 2.5) });
    }
  }
  const shifts = Array.from({ length: modalities + 1 }, (): Triple => [
    random.integer(TILE),
    random.integer(TILE),
    random.integer(TILE),
  ]);
  return { ...tiles[random.integer(TILES)], shifts };
}

interface View {
  readonly anatomy: Anatomy;
  readonly geometry: Geometry;
  readonly spacingMm: number;
  readonly isStripped: boolean;
  readonly isCut: boolean;
}

/** The grid: the brain's box where the skull goes, else the head's, often without the neck. */
function fieldOfView(random: Random, { anatomy, geometry, spacingMm, isStripped, isCut }: View): Grid {
  const [low, high] = boxInSubject(geometry, isStripped ? anatomy.brainBox : anatomy.headBox);
  const margin = isStripped ? 4 + 10 * random.uniform() : 4 + 8 * random.uniform();
  const from = low.map((v) => v - margin), to = high.map((v) => v + margin);
  if (isCut && !isStripped) {
    const [brainLow] = boxInSubject(geometry, anatomy.brainBox);
    from[2] = Math.max(from[2], brainLow[2] - 25 + 30 * random.uniform());
  }
  const size = ([0, 1, 2] as const).map((a) => Math.max(1, Math.ceil((to[a] - from[a]) / spacingMm)));
  const sizeVox: Triple = [size[0], size[1], size[2]];
  return { sizeVox, affineRas: spacingAffine([spacingMm, spacingMm, spacingMm], [from[0], from[1], from[2]]) };
}

/** First voxel of a crop whose middle lies in the brain's box. */
export function cropPlace(random: Random, { anatomy, geometry, grid }: SubjectPlan, sizeVox: Triple): Triple {
  const [low, high] = boxInSubject(geometry, anatomy.brainBox);
  const place = ([0, 1, 2] as const).map((a) => {
    const spacing = grid.affineRas[5 * a], origin = grid.affineRas[4 * a + 3];
    const middle = (low[a] + (high[a] - low[a]) * random.uniform() - origin) / spacing;
    const first = Math.round(middle - sizeVox[a] / 2);
    return Math.min(Math.max(first, 0), Math.max(0, grid.sizeVox[a] - sizeVox[a]));
  });
  return [place[0], place[1], place[2]];
}
