/**
 * The numbers of folds and of networks that answer. The setting `ensemble` is refused where there are no folds, or where a
 * file cannot hold their networks.
 */
import { type Graph, IMPORT_LIMITS } from "../../graph/mod.ts";
import { bytesOf } from "../../tensor/mod.ts";
import type { ResolvedRecipe } from "./finetuning_settings.ts";
import { refuseSetting } from "./settings.ts";

/** Up to this many patients are left out one by one; above, `auto` makes five folds. */
const LEAVE_ONE_OUT = 10;
const AUTO_FOLDS = 5;

/** The number of folds of so many patients. */
export function foldCount(validation: ResolvedRecipe["validation"], patients: number): number {
  if (validation === "none" || patients < 2) return 0;
  const asked = validation === "auto" ? (patients <= LEAVE_ONE_OUT ? patients : AUTO_FOLDS) : validation.folds;
  return Math.min(asked, patients);
}

type Folds = Pick<ResolvedRecipe, "ensemble" | "validation" | "foldsRun">;

/** The number of networks that the result answers by. */
export function networkCount({ ensemble, validation, foldsRun }: Folds, patients: number): number {
  if (ensemble === "final") return 1;
  const planned = foldCount(validation, patients);
  return 1 + Math.min(foldsRun ?? planned, planned);
}

/** @throws {TrainingError} `invalid-recipe`: no fold would be trained */
export function checkEnsemble(recipe: Folds, { patients }: { readonly patients: number }): void {
  if (recipe.ensemble === "final" || networkCount(recipe, patients) > 1) return;
  const why = recipe.validation === "none"
    ? "no fold is trained with validation none; set it to auto or to a number of folds"
    : patients < 2
    ? "the cases are of one patient, whom no fold can hold out; add cases of another patient"
    : "no fold is trained with foldsRun 0; leave it out";
  refuse(why);
}

/** @throws {TrainingError} `invalid-recipe`: a file cannot hold so many networks like `network` */
export function checkEnsembleSize(
  { constants, nodes }: Graph,
  { members, limits = IMPORT_LIMITS }: { readonly members: number; readonly limits?: typeof IMPORT_LIMITS },
): void {
  if (members === 1) return;
  const bytes = [...constants.values()].reduce((sum, t) => sum + bytesOf(t), 0);
  const most = Math.floor(Math.min(limits.bytes / bytes, limits.nodes / nodes.length));
  if (members <= most) return;
  const fewer = most > 2 ? `; ask for at most ${most - 1} folds (validation)` : "";
  refuse(`a file holds at most ${most} of these networks, not ${members}${fewer}`);
}

/** @throws {TrainingError} `invalid-recipe`: the time left no fold */
export function checkEnsembleTime(
  { ensemble }: Pick<ResolvedRecipe, "ensemble">,
  { foldsRun, minutes }: { readonly foldsRun: number; readonly minutes: number },
): void {
  if (ensemble === "final" || foldsRun > 0) return;
  refuse(`a fold would take most of ${Number(minutes.toPrecision(3))} minutes; give more time (budgetMinutes)`);
}

function refuse(why: string): never {
  refuseSetting("fine-tune", ["ensemble"], { expected: `final, because ${why}`, got: "folds" });
}
