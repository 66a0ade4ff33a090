/**
 * The quality of an answer, as replies and manifests hold it: plain data. `quality/` computes it, `registry/` validates the
 * part that a model package holds.
 */

/** How the values of a fact spread over the cases of a training. */
export interface Spread {
  readonly median: number;
  /** Robust standard deviation: 1.4826 · median absolute deviation. */
  readonly spread: number;
  readonly least: number;
  readonly greatest: number;
}

/** Facts of the prepared images of a training's cases, by the name of the fact; the records are `quality/image_facts.ts`. */
export interface TrainingImages {
  /** Number of cases. */
  readonly cases: number;
  /** One entry a modality, and one a pair of them (`t1 flair`). */
  readonly facts: readonly { readonly of: string; readonly values: Readonly<Record<string, Spread>> }[];
}

/**
 * The way from a score to the Dice that held-out patients had: logit(Dice) = intercept + slope · logit(score), with the
 * spread of what is left, in logits.
 */
export interface DiceFit {
  /** Held-out patients that it was fitted to. */
  readonly patients: number;
  readonly intercept: number;
  readonly slope: number;
  readonly spread: number;
  /** The mean logit of the patients' scores, and what the slope is unsure by; absent: the spread is the same everywhere. */
  readonly centre?: number | undefined;
  readonly slopeSpread?: number | undefined;
}

/** What a fine-tune learnt about its own answers: a field of the model package. */
export interface QualitySpec {
  /** Absent where fewer than five patients were held out. */
  readonly fit?: DiceFit | undefined;
  readonly images?: TrainingImages | undefined;
  /** Axes of the network along which it was trained on mirrored images. */
  readonly mirrored?: readonly (0 | 1 | 2)[] | undefined;
}

/** The quality of one answer. */
export interface CaseQuality {
  /** 0…1, the mean over the labels that were found; null: no label was found, or the network gives no probabilities. */
  readonly score: number | null;
  /** The mean Dice that held-out patients of this score had; absent: the model was not calibrated. */
  readonly expectedDice?: number | undefined;
  /** Where the Dice of four patients in five lies. */
  readonly interval?: readonly [number, number] | undefined;
  /** Passes of the network that the score is made of: 1, or more where they were asked for. */
  readonly passes: number;
  readonly perLabel: readonly { readonly name: string; readonly score: number | null }[];
  /** Sentences: why the score is low, absent or not calibrated. */
  readonly reasons: readonly string[];
}

/** One pass of the network for the score, or several, which are compared. */
export const QUALITY_EFFORTS = ["quick", "full"] as const;
export type QualityEffort = (typeof QUALITY_EFFORTS)[number];
