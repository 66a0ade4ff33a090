/** Checks of a segmentation by what it found. */
import type { Warning } from "../types.ts";
import { type BorderSide, bySide } from "./border.ts";
import { type Check, figure, warningsOf } from "./check.ts";

/** The facts of one label of a result. */
export interface LabelFacts {
  readonly name: string;
  readonly voxels: number;
  readonly volumeMl: number;
  /** See `Border`. */
  readonly border: readonly BorderSide[];
  /** Least and greatest volume per case among the training cases that have the label; absent where it is unknown. */
  readonly trainingMl?: { readonly min: number; readonly max: number };
}

/** A volume is unlike the training cases when it is more than this many times as large or small as any of them. */
const TRAINING_FACTOR = 3;

export const RESULT_CHECKS = {
  "empty-result": {
    when: "No voxel was given any label.",
    weight: "noted",
    find: (labels) => {
      if (labels.some((l) => l.voxels > 0)) return [];
      const names = labels.map((l) => l.name).join(", ");
      return [
        `the mask is empty: no voxel was found for ${names}; right for a patient without it, else check that each file is ` +
        "of the modality that it was given as",
      ];
    },
  },
  "result-at-border": {
    when: "A label reaches the border of the field of view.",
    weight: "noted",
    find: (labels) => {
      const cut = labels.filter((l) => l.border.length > 0).map(({ name, voxels, border }) =>
        `${name} with ${bySide(border)}, of ${voxels} voxels`
      );
      return cut.length === 0 ? [] : [
        `the border of the field of view cuts ${
          cut.join("; ")
        }; the part outside is not in the volume; use a scan that ` +
        "shows the whole of it",
      ];
    },
  },
  "unlike-training": {
    when: "The volume of a label is more than 3 times as large or small as in any case that the model was trained on.",
    weight: "loud",
    find: (labels) =>
      labels.flatMap(({ name, voxels, volumeMl, trainingMl }) => {
        if (trainingMl === undefined || voxels === 0) return [];
        const { min, max } = trainingMl;
        if (volumeMl <= TRAINING_FACTOR * max && volumeMl >= min / TRAINING_FACTOR) return [];
        return [
          `${name} has ${figure(volumeMl)} mL, in training ${figure(min)} to ${
            figure(max)
          } mL; the mask was written; ` +
          "look at it before it is used",
        ];
      }),
  },
} as const satisfies Readonly<Record<string, Check<readonly LabelFacts[]>>>;

/** The doubts about a result, from the facts of its labels. */
export function resultDoubts(labels: readonly LabelFacts[]): Warning[] {
  return warningsOf<readonly LabelFacts[]>(RESULT_CHECKS, labels);
}
