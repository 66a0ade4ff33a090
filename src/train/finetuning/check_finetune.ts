/**
 * Checks that a base can be trained as a recipe asks, before any case is prepared: channels, feature maps, window, head,
 * gradients. In a child process with bounds, because a server must neither stop answering nor end while a network is read.
 */
import { segmentationRecord } from "../../inference/mod.ts";
import { familyOf } from "../../nets/mod.ts";
import { Readers } from "../../process/mod.ts";
import {
  type BaseWindow,
  ownPercentiles,
  type PlannedValues,
  type Recipe,
  type RecipeContext,
  resolveRecipe,
} from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { checkEnsembleSize, networkCount } from "../recipe/folds.ts";
import { checkNetwork, checkSamples } from "../planning/recipe_work.ts";
import { voxelsOf } from "../../volume/mod.ts";
import { TrainingError } from "../types.ts";
import { windowOf } from "./network/base_window.ts";
import { inBaseOrder } from "./network/keep_head.ts";
import { resultSpec } from "./network/result_spec.ts";
import { type Trainable, trainable } from "./network/trainable.ts";
import type { NetworkRequest } from "./types.ts";

export interface FinetuneCheck {
  readonly request: NetworkRequest;
  readonly recipe: Recipe;
  readonly cases: number;
  /** Default: each case is of another. */
  readonly patients?: number | undefined;
  readonly baseHasTemplates: boolean;
  /** Preset auto: what the rules found for the data. */
  readonly planned?: PlannedValues | undefined;
  /** Most memory of an update's samples. Default: that of the default budget. */
  readonly memoryBytes?: number | undefined;
}

type Counted = Omit<FinetuneCheck, "recipe">;

const contextOf = (
  { request: { task, labels, classes, base: { spec } }, cases, patients, baseHasTemplates, planned }: Counted,
  window: BaseWindow | undefined,
): RecipeContext => ({
  cases,
  patients,
  planned,
  baseHasTemplates,
  task,
  network: spec.architecture.kind,
  percentilesOver: ownPercentiles(spec),
  labels,
  classes,
  ...(spec.task === "segmentation" && { baseExcludes: segmentationRecord(spec.inference).exclusive }),
  ownNormalisation: spec.preprocessing.normalisation !== undefined,
  window,
});

/** null: it can be trained; otherwise the reason why not. */
export type CheckReply = string | null;

/** Crops up to this size need no network to be made before the job: every family has been trained on them. */
const USUAL_VOXELS = 128 ** 3;

/**
 * Of networks that are made here the recipe says enough; those of others are read.
 * @throws {TrainingError} `invalid-recipe`
 * @throws {DomainError} `too-much-work`, `busy`
 */
export async function checkFinetune(check: FinetuneCheck, readers = new Readers()): Promise<void> {
  const { recipe, request: { base: { directory, spec } } } = check;
  const isRead = recipe.keepHead === true || recipe.ensemble === "folds" ||
    familyOf(spec.architecture.kind).finetuning.isForeign === true;
  if (!isRead) {
    const resolved = resolveRecipe(recipe, contextOf(check, undefined));
    checkSizes(check.request, resolved, check.memoryBytes);
    if (voxelsOf(resolved.roi) <= USUAL_VOXELS) return;
  }
  const refused = await readers.run<FinetuneCheck, CheckReply>(import.meta.resolve("./_check_finetune_child.ts"), {
    task: check,
    reads: [directory],
    writes: [],
    refusal: { code: "invalid-weights", start: "Cannot fine-tune" },
  });
  if (refused !== null) throw new TrainingError("invalid-recipe", refused);
}

/** @throws {TrainingError} `invalid-recipe`: an update's samples would take more memory than there may be */
function checkSizes(
  { modalities, labels }: NetworkRequest,
  { batchSize, roi, templates }: ResolvedRecipe,
  memoryBytes: number | undefined,
): void {
  const volumes = modalities.length * (templates ? 2 : 1) + labels.length;
  checkSamples("fine-tune", { samples: batchSize, roi, volumes }, memoryBytes);
}

export interface Planned<R extends NetworkRequest> {
  /** With labels and classes in the order of the network's outputs. */
  readonly request: R;
  readonly recipe: ResolvedRecipe;
  readonly network: Trainable;
  readonly spec: ReturnType<typeof resultSpec>;
}

/** The recipe, network and spec of a fine-tune. @throws {TrainingError} `invalid-recipe` */
export async function planned<R extends NetworkRequest>(
  { request: asked, recipe: wished, ...counted }: Omit<FinetuneCheck, "request"> & { readonly request: R },
): Promise<Planned<R>> {
  const context = contextOf({ request: asked, ...counted }, await windowOf(asked.base));
  const recipe = resolveRecipe(wished, context);
  checkSizes(asked, recipe, counted.memoryBytes);
  const request = recipe.keepHead ? inBaseOrder(asked) : asked;
  const network = await trainable({ request, recipe, scratch: recipe.base === "scratch" });
  checkNetwork(network.network, { roi: recipe.roi, memoryBytes: counted.memoryBytes });
  checkEnsembleSize(network.network, { members: networkCount(recipe, counted.patients ?? counted.cases) });
  return { request, recipe, network, spec: resultSpec(request, recipe, network) };
}
