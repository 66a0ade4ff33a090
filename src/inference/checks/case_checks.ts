/** Checks of the volumes of one case against each other. */
import type { Warning } from "../types.ts";
import { type Check, warningsOf } from "./check.ts";
import { sharedOf, type VolumeFacts } from "./facts.ts";

/** The facts of a case's images by modality. */
export type CaseFacts = Readonly<Partial<Record<string, VolumeFacts>>>;

/** Below this share of the smaller head two volumes do not show the same head in the same place. */
const LEAST_SHARED = 0.5;

export const CASE_CHECKS = {
  "same-image-twice": {
    when: "Two modalities of a case have the same voxel values.",
    weight: "loud",
    find: (facts) =>
      pairsOf(facts).filter(([[, a], [, b]]) => a.valuesHash === b.valuesHash).map(([[first], [second]]) =>
        `${first} and ${second} are the same image, expected one of each; both were used; give each modality its own file`
      ),
  },
  "heads-apart": {
    when: "The tissue of two modalities shares less than half of the smaller one's space.",
    weight: "loud",
    find: (facts) =>
      pairsOf(facts).flatMap(([[first, a], [second, b]]) => {
        if (a.foreground.kind !== "part" || b.foreground.kind !== "part") return [];
        if (!a.positioned || !b.positioned) return [];
        const share = sharedOf(a.foreground.box!, b.foreground.box!);
        if (share >= LEAST_SHARED) return [];
        return [
          `the heads in ${first} and ${second} share ${
            Math.round(share * 100)
          } % of the smaller one's box, expected at ` +
          `least ${
            LEAST_SHARED * 100
          } %; both were used where their headers place them; register them to each other, or ` +
          "check that they are of the same patient",
        ];
      }),
  },
} as const satisfies Readonly<Record<string, Check<CaseFacts>>>;

/** The doubts about a case, from the facts of its images by modality. */
export function caseDoubts(factsByRole: CaseFacts): Warning[] {
  return warningsOf<CaseFacts>(CASE_CHECKS, factsByRole);
}

type Entry = readonly [role: string, facts: VolumeFacts];

function pairsOf(facts: CaseFacts): [Entry, Entry][] {
  const entries = Object.entries(facts).filter((entry): entry is [string, VolumeFacts] => entry[1] !== undefined);
  return entries.flatMap((a, i) => entries.slice(i + 1).map((b): [Entry, Entry] => [a, b]));
}
