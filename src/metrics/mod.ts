/**
 * Metrics of segmentation (Dice, Hausdorff distance, volumes) and classification (accuracy, AUC, macro F1), as
 * docs/method D.1 and D.3 define them; lesions found and missed, calibration, and intervals of figures. Masks are
 * `[X, Y, Z]` in C order, any non-zero value is inside. Knows no files.
 */
export { dice, nanMean, volumeMl } from "./overlap.ts";
export { hd95 } from "./surface.ts";
export { accuracy, auc, macroF1 } from "./classification.ts";
export { connectedComponents } from "./components.ts";
export {
  bootstrapInterval,
  type BootstrapOptions,
  type Interval,
  pairedBootstrap,
  type PairedInterval,
} from "./bootstrap.ts";
export {
  addProbability,
  brierScore,
  calibrationError,
  joined,
  type Reliability,
  reliability,
  type ReliabilityCounts,
} from "./calibration.ts";
export { type NextValue, nextValueInterval, shareInterval } from "./expectation.ts";
export { type LesionCounts, type LesionMatches, lesionRates, matchLesions } from "./lesions.ts";
