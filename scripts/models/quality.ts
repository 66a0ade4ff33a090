/**
 * The next version of a package that knows the images that it was trained on, so that it warns of others: the same weights,
 * and the facts of its training's images as a fine-tune of today keeps them. What it knows of held-out patients stays.
 */
import { join } from "node:path";
import { imageFacts, prepare, trainingImages } from "../../src/inference/mod.ts";
import { type ManifestDraft, specOf } from "../../src/registry/mod.ts";
import { readPackage, verifyPackage } from "../../src/registry/package.ts";
import { publish } from "./models.ts";

export interface QualityWishes {
  /** Folder of the package. */
  readonly from: string;
  /** Folders of the cases that it was trained on, each with a file `<modality>.nii.gz` for all that the model takes. */
  readonly cases: readonly string[];
}

/** @throws {DomainError} the package is damaged, or no segmentation; {InferenceError} a case cannot be read */
export async function makeQualityVersion(models: string, { from, cases }: QualityWishes): Promise<void> {
  const manifest = await readPackage(from);
  await verifyPackage(from, manifest);
  const { formatVersion: _f, version, files: _, provenance, quality, ...rest } = manifest, spec = specOf(manifest);
  if (spec.task !== "segmentation" || cases.length === 0) {
    throw new TypeError(
      `Cannot add the facts of a training's images: expected a segmentation and its cases, got a model for ${spec.task} ` +
        `and ${cases.length} cases`,
    );
  }
  const facts = [];
  for (const folder of cases) {
    const images = Object.fromEntries(spec.modalities.map((m) => [m, join(folder, `${m}.nii.gz`)]));
    facts.push(imageFacts(await prepare({ spec, images }), spec.modalities));
  }
  const images = trainingImages(facts);
  const draft: ManifestDraft = {
    ...rest,
    quality: {
      ...quality,
      images: { ...images, facts: images.facts.map(({ of, values }) => ({ of, values: { ...values } })) },
    },
    provenance: {
      ...provenance,
      createdAt: new Date().toISOString(),
      note: `${provenance.note} The weights of version ${version}; with facts of the images of its ${cases.length} ` +
        "training cases.",
    },
  };
  await publish(models, draft, { source: from });
}
