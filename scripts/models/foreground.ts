/**
 * The next version of a package whose percentiles were taken over whole volumes: the same weights, and percentiles of the
 * foreground that mean the same for the volumes that it was trained on. Where a share f of the voxels is foreground and the
 * others are 0, the 95th percentile of the volume is that of rank 1 − 0.05/f in the foreground, and the 5th is 0, just below
 * the darkest tissue.
 */
import type { ManifestDraft } from "../../src/registry/mod.ts";
import { readPackage, verifyPackage } from "../../src/registry/package.ts";
import { publish } from "./models.ts";

export interface ForegroundWishes {
  /** Folder of the package. */
  readonly from: string;
  readonly percentiles: { readonly lower: number; readonly upper: number };
  /** Volume of the labels in the cases that it was trained on, mL. */
  readonly trainingMl?: { readonly min: number; readonly max: number };
  /** Follows the provenance's note. */
  readonly note: string;
}

/** @throws {DomainError} the package is damaged */
export async function makeForegroundVersion(
  models: string,
  { from, percentiles, trainingMl, note }: ForegroundWishes,
): Promise<void> {
  const manifest = await readPackage(from);
  await verifyPackage(from, manifest);
  const { formatVersion: _f, version, files: _, provenance, preprocessing, labels, ...rest } = manifest;
  const draft: ManifestDraft = {
    ...rest,
    labels: trainingMl === undefined ? labels : labels.map((label) => ({ ...label, trainingMl })),
    preprocessing: {
      ...preprocessing,
      percentiles: { clip: false, ...preprocessing.percentiles, ...percentiles },
      percentilesOver: "foreground",
    },
    provenance: {
      ...provenance,
      createdAt: new Date().toISOString(),
      note: `${provenance.note} The weights of version ${version}; ${note}`,
    },
  };
  await publish(models, draft, { source: from });
}
