/** The learnt templates as files and as pictures. */
import { headerForGrid, type Triple, writeNifti } from "../volume/mod.ts";
import { encodePng, overlay, type Picture, sideBySide, sliceOf, stacked } from "../volume/mod.ts";
import { type Modality, templatePath } from "../inference/mod.ts";

/** A learnt volume, [X, Y, Z], RAS. */
export type Templates = ReadonlyMap<Modality, Float32Array>;

export interface TemplateGrid {
  readonly sizeVox: Triple;
  readonly spacingMm: Triple;
}

/** Cases agree on a space when the middles of their images lie within this of each other. */
const SAME_SPACE_MM = 1;

/**
 * The affine of templates that lie middle on middle with images whose middles are at `centresMm`: in the images' space
 * where they share one, else with the origin in the middle.
 */
export function templateAffine({ sizeVox, spacingMm }: TemplateGrid, centresMm: readonly Triple[]): number[] {
  const [first] = centresMm;
  const shared = centresMm.every((c) => c.every((v, a) => Math.abs(v - first[a]) <= SAME_SPACE_MM));
  const middle = shared ? first : [0, 0, 0];
  return [0, 1, 2].flatMap((r) => [
    ...[0, 1, 2].map((c) => (r === c ? spacingMm[r] : 0)),
    middle[r] - spacingMm[r] * (sizeVox[r] - 1) / 2,
  ]).concat([0, 0, 0, 1]);
}

/** Writes `templates/<modality>.nii.gz`, values as they were learnt. */
export async function writeTemplates(
  directory: string,
  templates: Templates,
  { sizeVox, affineRas }: { sizeVox: Triple; affineRas: readonly number[] },
): Promise<void> {
  const like = headerForGrid({ sizeVox, affineRas });
  for (const [modality, data] of templates) {
    await writeNifti(templatePath(directory, modality), { data, sizeVox, like });
  }
}

/** Axial, coronal and sagittal middle planes of every template, a row each, as a PNG. */
export function templatesPng(templates: Templates, sizeVox: Triple): Uint8Array {
  const zoom = Math.max(1, Math.round(200 / Math.max(...sizeVox)));
  const row = (data: Float32Array): Picture =>
    sideBySide(
      ([2, 1, 0] as const).map((axis) =>
        overlay(sliceOf(data, sizeVox, { axis, index: Math.floor(sizeVox[axis] / 2) }), undefined, { zoom })
      ),
    );
  return encodePng(stacked([...templates.values()].map(row)));
}
