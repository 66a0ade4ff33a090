/** Templates: one tensor [modalities, X, Y, Z] in a file of weights, one NIfTI file a modality in a package. */
import { z } from "zod";
import { INPUTS, type Modality, type ModelSpec, readTemplate, writeTemplate } from "../inference/mod.ts";
import { finiteFloats, TEMPLATE_KEY } from "../nets/mod.ts";
import { specSchema } from "../registry/mod.ts";
import { sizeOf, type StoredTensor, type Tensor, tensor } from "../tensor/mod.ts";
import { applyAffine, type GridImage, sameGrid, spacingOf } from "../volume/mod.ts";
import { refuse } from "./refuse.ts";

/** The modalities of the eight templates in official files, in order (docs/method A.1.3). */
export const OFFICIAL_TEMPLATES: readonly Modality[] = ["flair", "t1", "t1c", "t2", "mra", "pd", "dwi", "adc"];

export const templateStackSchema = z.strictObject({
  modalities: z.array(z.enum(INPUTS)),
  spacingMm: specSchema.shape.preprocessing.shape.spacingMm.unwrap(),
  middleMm: z.tuple([z.number(), z.number(), z.number()]),
});

/** The modalities and the place of a tensor of templates, which its numbers do not show. */
export type TemplateStack = z.infer<typeof templateStackSchema>;

/** The templates of a package as one tensor, in the order of `modalities`. */
export async function stackTemplates(
  directory: string,
  modalities: readonly Modality[],
): Promise<{ template?: Tensor; templates: TemplateStack | null }> {
  const found: (GridImage & { readonly modality: Modality })[] = [];
  for (const modality of modalities) {
    const image = await readTemplate(directory, modality, { fit: "raw" });
    if (image !== null) found.push({ modality, ...image });
  }
  if (found.length === 0) return { templates: null };
  const [{ sizeVox, affineRas }] = found;
  const odd = found.find((t) => !sameGrid(t, found[0]));
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot export the templates as one tensor: expected all on one grid, got another for ${odd.modality}`,
    );
  }
  const voxels = sizeOf(sizeVox);
  const all = new Float32Array(found.length * voxels);
  found.forEach(({ data }, i) => all.set(data, i * voxels));
  const [x, y, z] = sizeVox;
  return {
    template: tensor("float32", [found.length, ...sizeVox], all),
    templates: {
      modalities: found.map((t) => t.modality),
      spacingMm: [...spacingOf(affineRas)],
      middleMm: [...applyAffine(affineRas, [(x - 1) / 2, (y - 1) / 2, (z - 1) / 2])],
    },
  };
}

export interface WriteOptions {
  /** The package that is made; it gets the templates of its modalities. */
  readonly spec: ModelSpec;
  /** The file's own description, if it has one: null when that says that there are no templates. */
  readonly described: TemplateStack | null | undefined;
  /** Folder of the package. */
  readonly out: string;
}

/** The modalities whose templates were written, and the reason where none were. */
export interface WrittenTemplates {
  readonly templates: readonly Modality[];
  readonly dropped: readonly { readonly key: string; readonly why: string }[];
}

/**
 * Writes the templates of a file into a package.
 * @throws {TypeError | RangeError} an encoder names another number of modalities, or a number is not finite
 */
export async function writeTemplates(
  stored: StoredTensor | undefined,
  { spec, described, out }: WriteOptions,
): Promise<WrittenTemplates> {
  if (stored === undefined) return { templates: [], dropped: [] };
  const drop = (why: string) => ({ templates: [], dropped: [{ key: TEMPLATE_KEY, why }] });
  if (stored.shape.length !== 4 || sizeOf(stored.shape) === 0) return drop("is no stack of volumes");
  const [count, x, y, z] = stored.shape;
  const stack = described === undefined ? assumedStack(count, spec) : described;
  if (stack === null || stack.modalities.length !== count) {
    return drop("holds templates of modalities that are not known");
  }
  const data = finiteFloats(TEMPLATE_KEY, stored).data as Float32Array;
  const voxels = x * y * z;
  const { modalities, ...place } = stack;
  const kept = modalities.filter((m) => spec.modalities.includes(m));
  for (const modality of kept) {
    const from = modalities.indexOf(modality) * voxels;
    await writeTemplate(out, modality, { data: data.subarray(from, from + voxels), sizeVox: [x, y, z], ...place });
  }
  return { templates: kept, dropped: [] };
}

/** The stack that follows from the package: an encoder lists the modalities of its templates, else the official ones. */
function assumedStack(count: number, { task, modalities, preprocessing }: ModelSpec) {
  const { spacingMm } = preprocessing;
  if (spacingMm === null) return null;
  if (task !== "encoder") return { modalities: OFFICIAL_TEMPLATES, spacingMm };
  if (modalities.length !== count) {
    refuse(`expected a modality for each of its ${count} templates, got ${modalities.length}`);
  }
  return { modalities, spacingMm };
}
