/**
 * Volumes: files, grids and affines, orientation, resampling, intensity, crop, window plans, and the way back to the
 * file's grid. Knows no network and no HTTP.
 *
 * The way there: `readVolume → findForeground → latticeOf → sampleOnto`; the way back: `restoring()`. Both go by the affines
 * of the two grids.
 */
export {
  applyAffine,
  cornerDistanceMm,
  type Grid,
  type GridImage,
  gridOverlap,
  invertAffine,
  LEAST_OVERLAP,
  MAX_VOXELS,
  multiplyAffines,
  perAxis,
  sameGrid,
  spacingAffine,
  spacingOf,
  type Triple,
  VolumeError,
  voxelMl,
  voxelsOf,
  voxToVox,
} from "./grid/grid.ts";
export { orientationTo } from "./grid/orientation.ts";
export { rightAngled } from "./grid/right_angles.ts";
export { type Box, boxSize, centreBox, grown, padBox, union } from "./grid/boxes.ts";
export {
  type Blending,
  BLENDINGS,
  blendWeights,
  nearness,
  type Placing,
  PLACINGS,
  slidingWindows,
  type WindowPlan,
} from "./grid/sliding_windows.ts";
export type { Doubt, Volume, VolumeHeader } from "./formats/format.ts";
export {
  cleanVolume,
  givenInstead,
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
export { toAxesOf, toRas } from "./sampling/orient.ts";
export { centredWindow, crop, cutWindow } from "./sampling/crop.ts";
export { coreValues, findForeground, type Foreground } from "./foreground/foreground.ts";
export { paint, type Parts, partsOf } from "./foreground/components.ts";
export { dilated } from "./foreground/morphology.ts";
export {
  type Alignment,
  type Field,
  latticeBox,
  latticeGrid,
  latticeOf,
  roundHalfEven,
  spacedSize,
} from "./grid/lattice.ts";
export type { MotionKind } from "./registration/motion.ts";
export { register, type RegisterOptions, type Registration } from "./registration/register.ts";
export { shrunk } from "./registration/shrunk.ts";
export { type Interpolation, sampleByAxis } from "./sampling/by_axis.ts";
export { sampleOnto } from "./sampling/onto_grid.ts";
export { resampleSpacing, resampleToGrid, resizeTrilinear } from "./sampling/resample.ts";
export { type LogitPlanes, restoreAll, type RestoreOptions, restoring, type VisitLogits } from "./sampling/restore.ts";
export { percentiles, scaleIntensityPercentiles } from "./intensity.ts";
export { encodePng, overlay, type Picture, sideBySide, type Slice, sliceOf, stacked } from "./picture.ts";
