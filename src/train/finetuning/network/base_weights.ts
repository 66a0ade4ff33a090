/**
 * The start of each weight of a fine-tune: from the base by key, its channels by modality and its outputs by label or
 * class, else fresh. First kernels of an encoder whose one channel stands for every modality are fresh (docs/method A.1.4) or
 * inflated; where it has a channel for each, they are met by modality too.
 */
import type { ModelSpec } from "../../../inference/mod.ts";
import {
  familyOf,
  type imageAxes,
  initialTensor,
  isDecoder,
  isFirstKernel,
  isFreshDownstream,
  type NamedAxes,
  type Parameter,
} from "../../../nets/mod.ts";
import { sameShape, type Tensor, tensor } from "../../../tensor/mod.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import type { WeightReport } from "../../report/weights.ts";
import { TrainingError } from "../../types.ts";
import { averaged, isUnmoved, nameReport, placed, type Places, placesOf } from "./by_name.ts";
import type { NetworkRequest } from "../types.ts";

/** An axis of a weight with the names of its entries. */
interface NamedAxis {
  readonly axis: number;
  readonly places: Places;
  readonly base: readonly string[];
  /** Unknown entries start from the base's mean. */
  readonly isAveraged: boolean;
}

interface BaseWeightsOptions {
  readonly request: NetworkRequest;
  readonly recipe: ResolvedRecipe;
  /** The constants of the base's graph. */
  readonly known: ReadonlyMap<string, Tensor>;
  readonly axes: { readonly image: ReturnType<typeof imageAxes>; readonly outputs: NamedAxes };
}

export class BaseWeights {
  readonly #options: BaseWeightsOptions;
  readonly #modalities: Omit<NamedAxis, "axis">;
  readonly #outputs: Omit<NamedAxis, "axis">;
  /** The base is an encoder with one channel for all modalities. */
  readonly #sharesChannel: boolean;

  /** @throws {TrainingError} `invalid-recipe`: modalities stand in another order, and the graph hides their channels */
  constructor(options: BaseWeightsOptions) {
    this.#options = options;
    const { request, recipe, known, axes: { image } } = options;
    const { spec } = request.base;
    const { kind } = spec.architecture;
    this.#sharesChannel = spec.task === "encoder" &&
      [...image.axes].some(([key, axis]) => isFreshDownstream({ kind, key }) && known.get(key)?.shape[axis] === 1);
    const base = this.#sharesChannel ? [] : spec.modalities;
    const places = placesOf(request.modalities, base);
    // nothing says how a kernel from a file starts
    const isAveraged = recipe.firstKernel === "inflate" || familyOf(kind).graph === "file";
    this.#modalities = { base, places, isAveraged };
    const outputs = spec.task === request.task && hasOwnLogits(spec, recipe) ? channelNames(spec, recipe) : [];
    const found = placesOf(channelNames(request, recipe), outputs), labels = found.slice(recipe.exclusive ? 1 : 0);
    // the background of none of these labels says nothing
    const isUnknown = labels.every((at) => at === null);
    this.#outputs = { base: outputs, places: isUnknown ? found.map(() => null) : found, isAveraged: false };
    if (image.opaque !== null && !isUnmoved(places, base)) {
      this.#refuse(
        `expected the modalities ${base.join(", ")} in this order, got ${
          request.modalities.join(", ")
        }, and its first ` +
          `layer (${image.opaque}) does not show which weights belong to which; make the data set with the modalities ` +
          "in that order, or choose another base",
      );
    }
  }

  /** A weight of the base as this one starts; undefined: it has no use for it. */
  taken(parameter: Parameter, found: Tensor): Tensor | undefined {
    const { request: { base: { spec } }, recipe } = this.#options;
    const { key, shape } = parameter;
    const place = { kind: spec.architecture.kind, key };
    const isDropped = this.#sharesChannel && isFreshDownstream(place);
    if (spec.task === "encoder" && !recipe.keepDecoder && isDecoder(place)) return undefined;
    if (isDropped && !(recipe.firstKernel === "inflate" && isFirstKernel(place))) return undefined;
    const named = this.#axisOf(key);
    if (named === undefined) return sameShape(found.shape, shape) ? found : undefined;
    const { axis, places, base } = named;
    if (!sameShape(found.shape.with(axis, places.length), shape)) return undefined;
    const count = places.length, entries = found.shape[axis];
    // the one channel of an encoder stands for every modality: their sum shall give the same features
    if (isDropped && entries === 1) return averaged(found, { axis, count, over: count });
    if (!named.isAveraged && places.every((at) => at === null)) return undefined;
    if (entries !== base.length) {
      this.#refuse(`expected ${key} to have an entry for each of ${base.join(", ")}, got ${entries}`);
    }
    if (isUnmoved(places, base)) return found;
    const fresh = named.isAveraged ? averaged(found, { axis, count }) : this.fresh(parameter);
    return placed(found, { fresh, axis, places });
  }

  /** A fresh weight; the bias of a segmentation's head begins where the recipe says. */
  fresh(parameter: Parameter): Tensor {
    const { request, recipe: { seed, headBias, exclusive }, axes } = this.#options;
    const { key, shape } = parameter;
    const isHeadBias = request.task === "segmentation" && shape.length === 1 && axes.outputs.has(key);
    if (!isHeadBias || headBias === null) return initialTensor(parameter, seed);
    // a label's share of voxels against the background, whose logit is 0
    return tensor("float32", shape, new Float32Array(shape[0]).fill(headBias).fill(0, 0, exclusive ? 1 : 0));
  }

  /** The use of modalities and outputs; `isTaken` reports which weights began with the base's. */
  names(isTaken: (key: string) => boolean): Pick<WeightReport, "modalities" | "outputs"> {
    const { request, recipe, axes } = this.#options;
    const reportOf = (names: readonly string[], { axes, named }: { axes: NamedAxes; named: Omit<NamedAxis, "axis"> }) =>
      axes.keys().some(isTaken)
        ? nameReport(names, named)
        : nameReport(names, { ...named, places: names.map(() => null), isAveraged: false });
    const labels = (names: readonly string[]) => names.filter((name) => name !== BACKGROUND);
    const outputs = reportOf(channelNames(request, recipe), { axes: axes.outputs, named: this.#outputs });
    return {
      modalities: reportOf(request.modalities, { axes: axes.image.axes, named: this.#modalities }),
      outputs: {
        loaded: labels(outputs.loaded),
        averaged: labels(outputs.averaged),
        fresh: labels(outputs.fresh),
        dropped: labels(outputs.dropped),
      },
    };
  }

  #axisOf(key: string): NamedAxis | undefined {
    const { image, outputs } = this.#options.axes;
    const [modality, output] = [image.axes.get(key), outputs.get(key)];
    if (modality !== undefined) return { ...this.#modalities, axis: modality };
    return output === undefined ? undefined : { ...this.#outputs, axis: output };
  }

  #refuse(reason: string): never {
    throw new TrainingError("invalid-recipe", `Cannot train ${this.#options.request.base.name}: ${reason}`);
  }
}

/** Reports whether a network's logits are read as those of the fresh head are. */
const hasOwnLogits = (
  { task, inference: { activation = FRESH_ACTIVATION[task] } }: ModelSpec,
  { exclusive }: Pick<ResolvedRecipe, "exclusive">,
) => activation === (exclusive ? "softmax" : FRESH_ACTIVATION[task]);

const FRESH_ACTIVATION = { encoder: undefined, segmentation: "sigmoid", classification: "softmax" } as const;

/** Stands for the channel of no label; labels have no brackets around their names. */
const BACKGROUND = "(background)";

/** The names of the channels of a head. */
export const channelNames = (
  spec: Pick<ModelSpec, "task" | "labels" | "classes">,
  { exclusive }: Pick<ResolvedRecipe, "exclusive">,
) => [...(exclusive ? [BACKGROUND] : []), ...outputNames(spec)];

/** The names of a network's outputs: its labels or classes. */
export const outputNames = ({ task, labels, classes }: Pick<ModelSpec, "task" | "labels" | "classes">) =>
  task === "segmentation" ? labels.map(({ name }) => name) : classes;
