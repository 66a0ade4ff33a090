/**
 * Metrics of segmentation (Dice, Hausdorff distance, volumes) and classification (accuracy, AUC, macro F1), as
 * docs/method D.1 and D.3 define them. Masks are `[X, Y, Z]` in C order, any non-zero value is inside. Knows no files.
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
