/**
 * Volumes: files, grids and affines, orientation, resampling, intensity, crop, window plans, and the way back to the
 * file's grid. Knows no network and no HTTP.
 *
 * The way there: `readVolume → toRas → resampleSpacing → scaleIntensityPercentiles → foregroundBox, crop`; every step
 * keeps `placement`, so `restoreLabels()` and `restoreChannels()` need nothing else for the way back.
 */
export {
  applyAffine,
  type Grid,
  gridOverlap,
  LEAST_OVERLAP,
  perAxis,
  sameGrid,
  spacingAffine,
  spacingOf,
  type Triple,
  VolumeError,
  voxelMl,
  voxelsOf,
} from "./grid/grid.ts";
export type { GridImage } from "./grid/placement.ts";
export { type Box, boxSize, centreBox, padBox } from "./grid/boxes.ts";
export { blendWeights, slidingWindows } from "./grid/sliding_windows.ts";
export type { Doubt, Volume, VolumeHeader } from "./formats/format.ts";
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
export { labelMap, MAX_LABEL, wholeLabel } from "./labels.ts";
export { toRas } from "./sampling/orient.ts";
export { centredWindow, crop, cutWindow, foregroundBox } from "./sampling/crop.ts";
export {
  type Interpolation,
  resampleSpacing,
  resampleToGrid,
  resizeTrilinear,
  spacedSize,
} from "./sampling/resample.ts";
export { type PlacedLogits, restoreChannels, restoreLabels } from "./sampling/restore.ts";
export { percentiles, scaleIntensityPercentiles } from "./intensity.ts";
export { encodePng, overlay, type Picture, sideBySide, type Slice, sliceOf, stacked } from "./picture.ts";
