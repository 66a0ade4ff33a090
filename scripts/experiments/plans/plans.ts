/** The experiments by name. */
import type { PlanName, PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { hippocampus } from "./hippocampus.ts";
import { hippocampusClass } from "./hippocampus_class.ts";
import { leftOut } from "./left_out.ts";
import { modality } from "./modality.ts";
import { hippocampusQuality, structuresQuality } from "./quality.ts";
import { structures } from "./structures.ts";

type MakePlan = (options: PlanOptions) => Promise<Plan>;

const PLANS: Readonly<Record<PlanName, MakePlan>> = {
  hippocampus,
  ms: (options) => leftOut("ms", options),
  "ms-26": (options) => leftOut("ms-26", options),
  "ms-t1-flair": (options) => leftOut("ms-t1-flair", options),
  glioma: (options) => leftOut("glioma", options),
  structures,
  modality,
  "hippocampus-class": hippocampusClass,
  "hippocampus-quality": hippocampusQuality,
  "structures-quality": structuresQuality,
};

/** @throws data, a base or a variant that the experiment cannot use */
export function planOf(name: PlanName, options: PlanOptions): Promise<Plan> {
  return PLANS[name](options);
}
