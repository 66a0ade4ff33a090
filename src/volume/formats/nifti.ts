/** The format NIfTI, versions 1 and 2, single files, plain or gzipped. */
import type { ByteFeed } from "./_bytes.ts";
import { readVoxels } from "./_voxels.ts";
import type { VolumeFormat } from "./format.ts";
import { cleanNifti } from "./nifti_clean.ts";
import { HEADER_BYTES, type NiftiHeader, niftiVersion, parseHeader } from "./nifti_header.ts";
import { writeNifti } from "./nifti_write.ts";

export const nifti: VolumeFormat = {
  title: "NIfTI",
  endings: { plain: ".nii", gzipped: ".nii.gz" },
  startBytes: 4,
  recognises: (start) => niftiVersion(start) !== null,
  readHeader,
  read: async (feed) => readVoxels(feed, await readHeader(feed)),
  write: writeNifti,
  clean: cleanNifti,
};

async function readHeader(feed: ByteFeed): Promise<NiftiHeader> {
  const bytes = new Uint8Array(HEADER_BYTES[2]);
  let got = await feed.fill(bytes.subarray(0, HEADER_BYTES[1]));
  if (niftiVersion(bytes) === 2) got += await feed.fill(bytes.subarray(HEADER_BYTES[1]));
  return parseHeader(bytes.subarray(0, got));
}
