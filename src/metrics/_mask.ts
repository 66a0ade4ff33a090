/** Masks and checks of their sizes. */
export type Mask = Uint8Array;
export type Triple = readonly [number, number, number];

/** @throws {RangeError} the masks differ in length */
export function checkMasks(metric: string, prediction: Mask, reference: Mask): void {
  if (prediction.length !== reference.length) {
    throw new RangeError(
      `Cannot compute ${metric}: expected masks of one size, got ${prediction.length} and ${reference.length} voxels`,
    );
  }
}

/** @throws {RangeError} the mask does not fill its size */
export function checkSize(metric: string, mask: Mask, [nx, ny, nz]: Triple): void {
  if (mask.length !== nx * ny * nz) {
    throw new RangeError(`Cannot compute ${metric}: expected ${nx}×${ny}×${nz} voxels, got ${mask.length}`);
  }
}
