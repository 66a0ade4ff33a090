/** The experiments by name. */
import type { PlanName, PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { hippocampus } from "./hippocampus.ts";

const PLANS: Readonly<Record<PlanName, (options: PlanOptions) => Promise<Plan>>> = { hippocampus };

/** @throws data, a base or a variant that the experiment cannot use */
export function planOf(name: PlanName, options: PlanOptions): Promise<Plan> {
  return PLANS[name](options);
}
