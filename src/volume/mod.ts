/**
 * Volumes: NIfTI files, grids and affines, orientation, resampling, intensity, crop, window plans, and the way back to
 * the file's grid. Knows no network and no HTTP.
 *
 * The way there: `readVolume → toRas → resampleSpacing → scaleIntensityPercentiles → foregroundBox, crop`; every step
 * keeps `placement`, so `restoreLabels()` and its kin need nothing else for the way back.
 */
export {
  applyAffine,
  type Grid,
  gridOverlap,
  invertAffine,
  LEAST_OVERLAP,
  multiplyAffines,
  perAxis,
  sameGrid,
  spacingAffine,
  spacingOf,
  type Triple,
  VolumeError,
  voxelsOf,
} from "./grid/grid.ts";
export { type GridImage, type Placement, placementOf } from "./grid/placement.ts";
export type { Volume, VolumeContent, VolumeHeader } from "./formats/format.ts";
export {
  isVolumeStart,
  readVolume,
  readVolumeHeader,
  splitVolumePath,
  VOLUME_ENDINGS,
  VOLUME_FILE,
  VOLUME_START_BYTES,
  volumeEnding,
  writeVolume,
  WRITTEN_ENDING,
} from "./formats/formats.ts";
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
