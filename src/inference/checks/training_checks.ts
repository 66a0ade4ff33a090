/** Checks of a case's images against those that the model was trained on. They warn, with figures, and never refuse. */
import type { TrainingImages } from "../quality_types.ts";
import type { ImageFacts } from "../quality/image_facts.ts";
import { type Compared, compared, type FactKind, FAR } from "../quality/unlike.ts";
import type { Warning } from "../types.ts";
import { type Check, figure, warningsOf } from "./check.ts";

/** Facts that are named in a warning, at most. */
const MOST_NAMED = 3;

/** The check of some kinds of facts. */
function far(
  kinds: readonly FactKind[],
  { when, what, remedy }: { readonly when: string; readonly what: string; readonly remedy: string },
): Check<readonly Compared[]> {
  return {
    when,
    weight: "loud",
    find: (facts) => {
      const own = facts.filter(({ kind, distance }) => kinds.includes(kind) && distance > FAR);
      if (own.length === 0) return [];
      const named = own.slice(0, MOST_NAMED).map(words).join("; ");
      const more = own.length > MOST_NAMED ? `; and ${own.length - MOST_NAMED} more` : "";
      return [`${what}: ${named}${more}; the mask was written; ${remedy}, and look at the mask before it is used`];
    },
  };
}

/** `t1 q50 is 0.81, in training 0.32 to 0.51`. */
function words({ of, name, kind, value, training: { least, greatest } }: Compared): string {
  // ratios and lengths are compared by their logarithm, and told as they are
  const told = (v: number) => ["intensity", "tails", "correlation"].includes(kind) ? figure(v) : figure(2 ** v);
  return `${of} ${name} is ${told(value)}, in training ${told(least)} to ${told(greatest)}`;
}

export const TRAINING_CHECKS = {
  "contrast-unlike-training": far(["intensity", "tails"], {
    when: "The distribution of a volume's intensities is unlike that of every case that the model was trained on.",
    what: "intensities, 0 to 1 as the network sees them, are unlike those of the training",
    remedy: "check that the file is of the modality that it was given as and was not windowed or inverted",
  }),
  "sharpness-unlike-training": far(["sharpness", "edges"], {
    when: "A volume is more blurred, in thicker slices, or rougher than the training cases.",
    what: "the resolution is unlike that of the training",
    remedy: "check slice thickness, motion and smoothing",
  }),
  "noise-unlike-training": far(["noise"], {
    when: "A volume's noise is unlike that of the training cases.",
    what: "the noise is unlike that of the training",
    remedy: "check the image for noise, artefacts and denoising",
  }),
  "view-unlike-training": far(["view"], {
    when: "The tissue in the field of view is larger or smaller than in the training cases.",
    what: "the part of the head that is shown is unlike that of the training (mm, mL)",
    remedy: "check that the field of view is not cut, and that skull and neck are as in the training",
  }),
  "modalities-unlike-training": far(["correlation"], {
    when:
      "Two modalities of a case are more or less alike than in the training cases: one may be empty or given twice.",
    what: "modalities go together otherwise than in the training",
    remedy: "check that each file is of its modality and of this patient",
  }),
} as const satisfies Readonly<Record<string, Check<readonly Compared[]>>>;

/** The doubts about images, by the facts of those that a model was trained on. */
export function trainingDoubts(facts: readonly ImageFacts[], training: TrainingImages): Warning[] {
  return warningsOf<readonly Compared[]>(TRAINING_CHECKS, compared(facts, training));
}
