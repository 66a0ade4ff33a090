/**
 * Volumes: NIfTI files, grids and affines, orientation, resampling, intensity, crop, window plans, and the way back to
 * the file's grid. Knows no network and no HTTP.
 *
 * The way there: `readNifti → toRas → resampleSpacing → scaleIntensityPercentiles → foregroundBox, crop`; every step
 * keeps `placement`, so `restoreLabels()` and its kin need nothing else for the way back.
 */
export {
  applyAffine,
  type Grid,
  gridOverlap,
  invertAffine,
  LEAST_OVERLAP,
  multiplyAffines,
  sameGrid,
  spacingAffine,
  spacingOf,
  type Triple,
  VolumeError,
  voxelsOf,
} from "./grid/grid.ts";
export { type GridImage, type Placement, placementOf } from "./grid/placement.ts";
export { headerForGrid, type NiftiHeader } from "./formats/nifti_header.ts";
export { type ReadLimits, readNifti, readNiftiHeader, type Volume } from "./formats/nifti_read.ts";
export { type NiftiContent, writeNifti } from "./formats/nifti_write.ts";
export { type Orientation, orientationOf, restoreNearest, toRas } from "./grid/orient.ts";
export { type Interpolation, resampleSpacing, resampleToGrid, spacedSize } from "./sampling/resample.ts";
export { percentile, percentiles, scaleIntensity, scaleIntensityPercentiles } from "./intensity/intensity.ts";
export {
  type Box,
  boxSize,
  centreBox,
  centreCrop,
  centredWindow,
  crop,
  cutWindow,
  foregroundBox,
  pad,
  padBox,
} from "./grid/crop.ts";
export { resizeTrilinear } from "./sampling/resize.ts";
export { blendWeights, slidingWindows, type WindowPlan } from "./grid/sliding_windows.ts";
export {
  type PlacedLogits,
  restoreLabels,
  restoreProbabilities,
  restoreRegions,
  type Slab,
  visitSourceSlabs,
} from "./sampling/restore.ts";
export {
  encodePng,
  overlay,
  type Picture,
  type Rgb,
  sideBySide,
  type Slice,
  sliceOf,
  stacked,
} from "./picture/picture.ts";
