/** The methods of pre-training, and the recipe that a user may ask for. */
import { brainmvpRecipeSchema } from "./brainmvp/settings.ts";
export { resolveBrainmvp as resolvePretraining } from "./brainmvp/presets.ts";
export type { ResolvedBrainmvp as ResolvedPretraining } from "./brainmvp/settings.ts";
export {
  type BrainmvpRecipe as PretrainingRecipe,
  brainmvpRecipeSchema as pretrainingRecipeSchema,
} from "./brainmvp/settings.ts";

/** What a user who asks for nothing gets. */
export const DEFAULT_PRETRAINING = brainmvpRecipeSchema.parse({});
