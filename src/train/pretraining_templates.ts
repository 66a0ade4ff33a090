/** The learnt templates: where they lie, and as pictures. */
import { encodePng, overlay, type Picture, sideBySide, sliceOf, stacked, type Triple } from "../volume/mod.ts";
import type { Modality } from "../inference/mod.ts";

/** A learnt volume, [X, Y, Z], RAS. */
export type Templates = ReadonlyMap<Modality, Float32Array>;

/** Cases agree on a space when the middles of their images lie within this of each other. */
const SAME_SPACE_MM = 1;

/**
 * Where the middle of the templates lies, RAS millimetres: where the middles of the images lie if they share a space, else
 * at 0.
 */
export function templateMiddle(centresMm: readonly Triple[]): Triple {
  const [first] = centresMm;
  const isShared = centresMm.every((c) => c.every((v, a) => Math.abs(v - first[a]) <= SAME_SPACE_MM));
  return isShared ? first : [0, 0, 0];
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
