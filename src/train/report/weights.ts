/** What a fine-tune took from its base: tensors by key, channels and outputs by name. */

/** Entries of an axis by name: modalities, labels or classes. */
export interface NameReport {
  /** Start from the base's numbers for the same name. */
  readonly loaded: readonly string[];
  /** Start from the mean of the base's channels. */
  readonly averaged: readonly string[];
  readonly fresh: readonly string[];
  /** In the base, but not among the names here. */
  readonly dropped: readonly string[];
}

/** The use that was made of the base's weights; keys as in docs/method A. */
export interface WeightReport {
  /** Number of tensors; those with some fresh channels or outputs count. */
  readonly loaded: number;
  /** In the base, but with no place in the new network. */
  readonly dropped: readonly string[];
  /** Fresh in the new network. */
  readonly fresh: readonly string[];
  readonly modalities: NameReport;
  /** Labels or classes. */
  readonly outputs: NameReport;
}

/** Sentences for users about modalities, labels and classes. */
export function weightNotes({ modalities, outputs }: WeightReport): string[] {
  return [`Input channels: ${sentence(modalities)}.`, `Outputs: ${sentence(outputs)}.`];
}

function sentence({ loaded, averaged, fresh, dropped }: NameReport): string {
  const parts: [readonly string[], string][] = [
    [loaded, "from the base"],
    [averaged, "from the mean of the base's channels"],
    [fresh, "fresh"],
    [dropped, "of the base dropped"],
  ];
  return parts.filter(([names]) => names.length > 0).map(([names, what]) => `${names.join(", ")} ${what}`).join("; ");
}
