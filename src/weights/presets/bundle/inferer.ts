/** A bundle's inferer as windows. */
import type { InferenceSettings } from "../../../inference/mod.ts";
import { refuse } from "../preset.ts";
import type { Step } from "./step.ts";

export interface Windows {
  readonly settings:
    & Pick<InferenceSettings, "overlap" | "placing" | "blending">
    & Partial<Pick<InferenceSettings, "roi">>;
  readonly notes: readonly string[];
}

/** MONAI's default share of a window that its neighbour covers. */
const OVERLAP = 0.25;

/** @throws {TypeError} an inferer that is not done here */
export function windowsOf(step: Step): Windows {
  if (step.name === "SimpleInferer") {
    return { settings: { overlap: 0, placing: "scan", blending: "constant" }, notes: [] };
  }
  if (!/^SlidingWindowInferer(Adapt)?$/.test(step.name)) {
    refuse(`inference.json: expected the inferer SlidingWindowInferer or SimpleInferer, got ${step.name}`);
  }
  const roi = step.triple("roi_size") ?? step.refuse("expected roi_size");
  if (!roi.every((n) => Number.isInteger(n) && n > 0)) {
    step.refuse(`expected roi_size of whole numbers above 0, got ${roi.join(", ")}`);
  }
  const mode = step.text("mode") ?? "constant";
  if (mode !== "constant" && mode !== "gaussian") step.refuse(`expected mode constant or gaussian, got ${mode}`);
  if (mode === "gaussian") step.only("sigma_scale", 0.125, null);
  const padding = step.text("padding_mode") ?? "constant";
  const overlap = step.triple("overlap") ?? [OVERLAP, OVERLAP, OVERLAP];
  return {
    settings: {
      roi,
      overlap: new Set(overlap).size === 1 ? overlap[0] : overlap,
      placing: "scan",
      blending: mode,
    },
    notes: padding === "constant" && (step.number("cval") ?? 0) === 0
      ? []
      : [`volumes smaller than the window are filled up with 0, not by padding_mode ${padding}`],
  };
}
