/** Checks of a case's images against those that the model was trained on. They warn, with figures, and never refuse. */
import type { TrainingImages } from "../quality_types.ts";
import type { ImageFacts } from "../quality/image_facts.ts";
import { type Compared, compared, type FactKind, FAR } from "../quality/unlike.ts";
import type { Warning } from "../types.ts";
import { type Check, figure, warningsOf } from "./check.ts";

/** Facts that are named in a warning, at most. */
const MOST_NAMED = 3;

interface Words {
  readonly when: string;
  readonly what: string;
  readonly remedy: string;
}

/** The check of some kinds of facts, but for those that something else about the image explains. */
function far(
  kinds: readonly FactKind[],
  { when, what, remedy }: Words,
  isBeside: (fact: Compared, facts: readonly Compared[]) => boolean = () => false,
): Check<readonly Compared[]> {
  return {
    when,
    weight: "loud",
    find: (facts) => {
      const own = facts.filter((fact) => kinds.includes(fact.kind) && fact.distance > FAR && !isBeside(fact, facts));
      if (own.length === 0) return [];
      const named = own.slice(0, MOST_NAMED).map(words).join("; ");
      const more = own.length > MOST_NAMED ? `; and ${own.length - MOST_NAMED} more` : "";
      return [`${what}: ${named}${more}; the mask was written; ${remedy}, and look at the mask before it is used`];
    },
  };
}

/** A modality that is more blurred than in the training has no fine detail whose echo could be told. */
function isBlurred({ of }: Compared, facts: readonly Compared[]): boolean {
  return facts.some((f) => f.of === of && f.kind === "sharpness" && f.distance > FAR);
}

/** Where skull or neck are shown that the training did not show, or the other way round, they stand out. */
function isOtherView(_: Compared, facts: readonly Compared[]): boolean {
  return facts.some(({ kind, distance }) => kind === "view" && distance > FAR);
}

/** `t1 q50 is 0.81, in training 0.32 to 0.51`. */
function words({ of, name, kind, value, training: { least, greatest } }: Compared): string {
  // ratios and lengths are compared by their logarithm, and told as they are
  const told = (v: number) => ["intensity", "tails", "correlation", "echo"].includes(kind) ? figure(v) : figure(2 ** v);
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
  "ghosts-unlike-training": far(["echo"], {
    when:
      "A volume's fine detail repeats at a distance, as a patient's motion makes it, more than in the training cases.",
    what: "detail repeats at a distance (correlation): ghosts, as motion makes them",
    remedy: "look for copies of edges beside them, and repeat the scan where they cross what is looked for",
  }, isBlurred),
  "pathology-unlike-training": far(["region"], {
    when:
      "A region that is brighter or darker than the rest of the tissue is larger than in the training cases: a tumour, a " +
      "haemorrhage or a cavity, perhaps, that the model does not know.",
    what: "a region that is brighter or darker than the other tissue is larger than in the training (mL)",
    remedy: "look for a tumour, a haemorrhage, a cavity or an implant, which the model was not trained on",
  }, isOtherView),
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
