/** Lesions found, missed and invented: the connected components of a reference against those of a prediction. */
import { checkMasks, type Mask, type Triple } from "./_mask.ts";
import { connectedComponents } from "./components.ts";

/** The components of one mask, and which of them the other mask meets. */
export interface MatchedComponents {
  /** The number of each voxel's component, from 1; 0: none. */
  readonly components: Int32Array;
  /** Of components 1, 2, …, voxels. */
  readonly sizes: readonly number[];
  readonly isMatched: readonly boolean[];
}

export interface LesionMatches {
  /** Matched: found. Not matched: missed. */
  readonly reference: MatchedComponents;
  /** Not matched: false. */
  readonly prediction: MatchedComponents;
}

export interface LesionOptions {
  readonly sizeVox: Triple;
  /**
   * A component is matched when it and all components of the other mask that it touches have at least this intersection
   * over union; default 0: one common voxel suffices.
   */
  readonly leastIou?: number;
  readonly neighbours?: 6 | 18 | 26;
}

/**
 * Matches components with each other. They are connected by faces, edges and corners unless stated otherwise.
 * @throws {RangeError} masks of different size
 */
export function matchLesions(
  prediction: Mask,
  reference: Mask,
  { sizeVox, leastIou = 0, neighbours }: LesionOptions,
): LesionMatches {
  checkMasks("lesions", prediction, reference);
  const own = connectedComponents(prediction, { sizeVox, neighbours });
  const other = connectedComponents(reference, { sizeVox, neighbours });
  /** Common voxels of each pair that touches: keys `reference · (predictions + 1) + prediction`. */
  const common = new Map<number, number>(), width = own.sizes.length + 1;
  for (let v = 0; v < reference.length; v++) {
    if (other.components[v] === 0 || own.components[v] === 0) continue;
    const pair = other.components[v] * width + own.components[v];
    common.set(pair, (common.get(pair) ?? 0) + 1);
  }
  const pairs = [...common].map(([pair, voxels]) => ({
    reference: Math.floor(pair / width) - 1,
    prediction: pair % width - 1,
    voxels,
  }));
  const matched = (side: "reference" | "prediction", sizes: readonly number[], others: readonly number[]) => {
    const inside = sizes.map(() => 0), across = sizes.map(() => 0);
    for (const pair of pairs) {
      inside[pair[side]] += pair.voxels;
      across[pair[side]] += others[pair[side === "reference" ? "prediction" : "reference"]];
    }
    return sizes.map((size, i) => inside[i] > 0 && inside[i] / (size + across[i] - inside[i]) >= leastIou);
  };
  return {
    reference: { ...other, isMatched: matched("reference", other.sizes, own.sizes) },
    prediction: { ...own, isMatched: matched("prediction", own.sizes, other.sizes) },
  };
}

/** Counts of lesions, summed over cases or of one. */
export interface LesionCounts {
  readonly found: number;
  readonly missed: number;
  /** Predicted components that touch a lesion, and those that touch none. */
  readonly hits: number;
  readonly false: number;
}

/** Share of the lesions found, share of the predicted components that touch one, and their harmonic mean; NaN of none. */
export function lesionRates({ found, missed, hits, false: invented }: LesionCounts) {
  const sensitivity = found / (found + missed), precision = hits / (hits + invented);
  const sum = sensitivity + precision;
  return { sensitivity, precision, f1: sum === 0 ? 0 : 2 * sensitivity * precision / sum };
}
