/**
 * Places a package's templates by the anatomy of a case, and measures whether they fit there. One placement serves all
 * modalities of a case, which lie in one space.
 */
import { type Grid, type GridImage, type MotionKind, multiplyAffines, register, sampleOnto } from "../../volume/mod.ts";
import type { Modality } from "../modalities.ts";
import { templateFor, type TemplateOptions } from "./templates.ts";

/** Where templates lie in a case, and how well they fit there. */
export interface TemplatePlacement {
  /** 4×4, row-major: from the templates' RAS millimetres to the case's. */
  readonly affine: readonly number[];
  /** For each modality that both have, the correlation of intensities where both show tissue. */
  readonly similarity: Readonly<Partial<Record<Modality, number>>>;
  /** The Dice of the two tissues: low where the case shows a part of what the templates show. */
  readonly overlap: number;
  readonly fits: boolean;
}

/** Templates fit a case from here on: the mean similarity of its modalities, and the overlap. */
export const LEAST_FIT = { similarity: 0.25, overlap: 0.35 };

const UNFIT: TemplatePlacement = {
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
  similarity: {},
  overlap: 0,
  fits: false,
};

/** Registers templates to the images of a case, by default affinely; without a modality that both show, nothing fits. */
export function templatePlacement(
  images: ReadonlyMap<Modality, GridImage>,
  templates: ReadonlyMap<Modality, GridImage>,
  kind: MotionKind = "affine",
): TemplatePlacement {
  const common = [...images.keys()].filter((m) => templates.has(m) && showsSomething(templates.get(m)!));
  if (common.length === 0) return UNFIT;
  const { matrix, similarity, overlap } = register(
    common.map((m) => templates.get(m)!),
    common.map((m) => images.get(m)!),
    { kind },
  );
  const placement = {
    affine: matrix,
    similarity: Object.fromEntries(common.map((m, k) => [m, similarity[k]])),
    overlap,
  };
  return { ...placement, fits: overlap >= LEAST_FIT.overlap && meanSimilarity(placement) >= LEAST_FIT.similarity };
}

/** The mean over the modalities; 0 without any. */
export function meanSimilarity({ similarity }: Pick<TemplatePlacement, "similarity">): number {
  const values = Object.values(similarity);
  return values.reduce((sum, v) => sum + v, 0) / Math.max(values.length, 1);
}

/** A template where the placement puts it, on a grid of the case; 0 where it does not reach. */
export function placedTemplate(
  template: GridImage,
  grid: Grid,
  { affine }: Pick<TemplatePlacement, "affine">,
): Float32Array {
  const there = { ...template, affineRas: multiplyAffines(affine, template.affineRas) };
  return sampleOnto(there, grid, { interpolation: "linear" });
}

/**
 * How templates are laid on a case that lacks their modalities: by the anatomy that its images share with the templates of
 * their own modalities, else centre on centre, which the note says.
 */
export function layStandIns(
  images: ReadonlyMap<Modality, GridImage>,
  { templates, grid, centred }: {
    /** Those of the modalities that are there. */
    readonly templates: ReadonlyMap<Modality, GridImage>;
    readonly grid: Grid;
    readonly centred: TemplateOptions;
  },
): { readonly lay: (template: GridImage) => Float32Array; readonly note: string } {
  const placement = templatePlacement(images, templates);
  if (placement.fits) return { lay: (template) => placedTemplate(template, grid, placement), note: "" };
  const why = templates.size === 0
    ? "the model has no template of what is there"
    : `${fitWords(placement)}, too little`;
  return {
    lay: (template) => templateFor(template, centred).data,
    note: `, its middle on the middle of the image, because it could not be laid on the anatomy (${why})`,
  };
}

/** The figures of a placement, in words. */
export function fitWords(placement: Pick<TemplatePlacement, "similarity" | "overlap">): string {
  return `similarity ${meanSimilarity(placement).toFixed(2)}, overlap ${Math.round(100 * placement.overlap)} %`;
}

const showsSomething = ({ data }: GridImage) => data.some((v) => v !== data[0]);
