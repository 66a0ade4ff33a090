/** The learnt templates: their start, their place, their pictures. */
import type { Modality } from "../../../inference/mod.ts";
import {
  encodePng,
  overlay,
  type Picture,
  sideBySide,
  sliceOf,
  stacked,
  type Triple,
  voxelsOf,
} from "../../../volume/mod.ts";
import type { CaseStore } from "../../data/case_store.ts";
import type { PretrainingVolumes } from "../../data/unlabelled_cases.ts";
import type { ResolvedBrainmvp } from "./settings.ts";
import { templateAxes } from "./sample.ts";

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

/** Cases that a mean is taken over, at most. */
const MOST_CASES = 64;

/** The mean of a modality's scans where they lie on the templates' grid; 0 where none reaches. */
export async function meanOf(
  modality: Modality,
  cases: CaseStore<PretrainingVolumes>,
  recipe: Pick<ResolvedBrainmvp, "spacingMm" | "templates">,
): Promise<Float32Array> {
  const { sizeVox } = recipe.templates;
  const sum = new Float32Array(voxelsOf(sizeVox));
  let found = 0;
  for (let i = 0; i < cases.length && found < MOST_CASES; i++) {
    const volumes = await cases.get(i), at = volumes.modalities.indexOf(modality);
    if (at < 0 || volumes.place === "nowhere") continue;
    found++;
    addTo(sum, volumes.channels[at], volumes, recipe);
  }
  return sum.map((v) => v / Math.max(found, 1));
}

/** Adds a volume, its voxels nearest to the template's. */
function addTo(
  sum: Float32Array,
  data: Float32Array,
  volumes: PretrainingVolumes,
  recipe: Pick<ResolvedBrainmvp, "spacingMm" | "templates">,
): void {
  const { sizeVox: [nx, ny, nz] } = recipe.templates, { sizeVox } = volumes;
  const along = templateAxes(volumes, recipe)!;
  const tables = [nx, ny, nz].map((n, a) =>
    Int32Array.from({ length: n }, (_, j) => {
      const i = Math.round((j - along[a].from) / along[a].step);
      return i >= 0 && i < sizeVox[a] ? i : -1;
    })
  );
  for (let x = 0, o = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = (tables[0][x] * sizeVox[1] + tables[1][y]) * sizeVox[2];
      const inside = tables[0][x] >= 0 && tables[1][y] >= 0;
      for (let z = 0; z < nz; z++, o++) if (inside && tables[2][z] >= 0) sum[o] += data[row + tables[2][z]];
    }
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
