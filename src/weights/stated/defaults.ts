/** What holds where nobody states otherwise: BrainMVP's pre-processing and windows. */
import { BRAINMVP_PREPROCESSING, type ModelSpec, type Preprocessing, type Task } from "../../inference/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { DEFAULT_EDGE } from "../request/inference_fields.ts";

/** The official windows (docs/method B.3 row 22, A.6), or those of a file's own description. */
export function inferenceFor(task: Task, described?: ModelSpec): ModelSpec["inference"] {
  return described?.inference ?? {
    roi: task === "classification" ? [96, 96, 64] : [DEFAULT_EDGE, DEFAULT_EDGE, DEFAULT_EDGE],
    overlap: 0.5,
    blending: "constant",
    threshold: 0.5,
  };
}

/** The pre-processing `own` with statements over it. */
export function withStated(own: Preprocessing, stated: Partial<Preprocessing>): Preprocessing {
  const { percentiles: _, percentilesOver: __, ...others } = own;
  const isWhole = stated.foreground === "whole" && stated.foregroundMargin === undefined;
  return { ...stated.normalisation ? others : own, ...isWhole && { foregroundMargin: null }, ...stated };
}

/** The pre-processing of a graph of others, and the parts of it that nobody stated, in words. */
export function preprocessingFor(
  stated: Partial<Preprocessing>,
  { task, roi }: { readonly task: Task; readonly roi: Triple },
): { readonly preprocessing: Preprocessing; readonly assumed: readonly string[] } {
  const { resize: _, ...shared } = BRAINMVP_PREPROCESSING;
  const own: Preprocessing = task === "classification" ? { ...shared, resize: roi } : shared;
  const assumed = [
    ...stated.spacingMm === undefined ? [`voxels of ${shared.spacingMm.join("×")} mm`] : [],
    ...stated.orientation === undefined ? ["axes towards right, anterior, superior (RAS)"] : [],
    ...stated.normalisation === undefined && stated.percentiles === undefined
      ? ["intensities with the 5th percentile at 0 and the 95th at 1"]
      : [],
    ...stated.foreground === undefined && stated.foregroundMargin === undefined
      ? ["a crop to the tissue with a margin of 1 voxel"]
      : [],
  ];
  return {
    preprocessing: withStated(own, stated),
    assumed: assumed.length === 0 ? [] : [`pre-processing that nobody states: ${assumed.join("; ")}`],
  };
}
