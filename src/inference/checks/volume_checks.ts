/** Checks of one volume by its own facts. The limits are those of human heads; real files are far inside them. */
import { perAxis, spacingOf, type Triple } from "../../volume/mod.ts";
import type { Warning } from "../types.ts";
import { type Check, figure, refusalOf, triple, warningsOf } from "./check.ts";
import { headOf, type VolumeFacts } from "./facts.ts";

/** Longest side of a field of view: 1 mm is no head in any unit, 10 m neither. */
const VIEW_MM = { least: 1, most: 10_000 };

/** Voxel sizes of scanners, with room: 0.2 mm of research scans, 10 mm of thick slices. */
const VOXEL_MM = { least: 0.15, most: 12 };

/** Longest side of a head or brain: a newborn's brain has 100 mm, an adult's head with its neck 300 mm. */
const HEAD_MM = { least: 80, most: 350 };

const HEADER_REMEDY = "check the voxel size (pixdim, affine) and its unit (xyzt_units) in the header";

export const VOLUME_CHECKS = {
  "empty-volume": {
    when: "A volume has one value everywhere, or no tissue that differs from its background.",
    weight: "refused",
    find: ({ range, foreground: { kind } }) => {
      if (range.min === range.max) {
        return [`every voxel is ${figure(range.min)}, expected an image; check how the file was made`];
      }
      if (kind !== "none") return [];
      return [
        `no tissue was found among values from ${figure(range.min)} to ${
          figure(range.max)
        }, expected an image of a head; ` +
        "check how the file was made",
      ];
    },
  },
  "single-slice": {
    when: "A file holds one slice, or a picture.",
    weight: "refused",
    find: ({ sizeVox }) =>
      sizeVox.every((n) => n > 1) ? [] : [
        `its grid is ${
          triple(sizeVox)
        } voxels, expected a volume of several slices; convert the whole series into one ` +
        "file, with dcm2niix for example",
      ],
  },
  "impossible-size": {
    when: "The longest side of a field of view is below 1 mm or above 10 m.",
    weight: "refused",
    find: (facts) => {
      const view = viewOf(facts), longest = Math.max(...view);
      if (longest >= VIEW_MM.least && longest <= VIEW_MM.most) return [];
      return [`its field of view is ${triple(view)} mm, expected that of a head, 80 to 350 mm; ${HEADER_REMEDY}`];
    },
  },
  "implausible-voxel-size": {
    when: "A voxel's side is below 0.15 mm or above 12 mm.",
    weight: "loud",
    find: ({ affineRas, doubts }) => {
      const spacing = spacingOf(affineRas);
      // The header's reader has named these figures already.
      if (doubts.some((d) => d.code === "units-doubtful")) return [];
      if (spacing.every((s) => s >= VOXEL_MM.least && s <= VOXEL_MM.most)) return [];
      return [
        `its voxels are ${triple(spacing)} mm, expected ${VOXEL_MM.least} to ${VOXEL_MM.most} mm; ` +
        `it was used at that size; ${HEADER_REMEDY}`,
      ];
    },
  },
  "implausible-head-size": {
    when:
      "The longest side of a volume's tissue is below 80 mm or above 350 mm, and the field of view shows more than tissue.",
    weight: "loud",
    find: (facts) => {
      const head = headOf(facts);
      if (head === null) return [];
      const longest = Math.max(...head);
      if (longest >= HEAD_MM.least && longest <= HEAD_MM.most) return [];
      return [
        `its tissue is ${triple(head)} mm (voxels of ${
          triple(spacingOf(facts.affineRas))
        } mm), expected a head with a ` +
        `longest side of ${HEAD_MM.least} to ${HEAD_MM.most} mm; it was used at that size; ${HEADER_REMEDY}`,
      ];
    },
  },
} as const satisfies Readonly<Record<string, Check<VolumeFacts>>>;

/** The doubts of a volume's header and facts, under its name (`t1`). */
export function volumeDoubts(name: string, facts: VolumeFacts): Warning[] {
  return [...facts.doubts, ...warningsOf<VolumeFacts>(VOLUME_CHECKS, facts)].map((doubt) => named(name, doubt));
}

/** The reason why nothing sensible can follow from a volume, or null. */
export function volumeRefusal(name: string, facts: VolumeFacts): Warning | null {
  const refusal = refusalOf<VolumeFacts>(VOLUME_CHECKS, facts);
  return refusal && named(name, refusal);
}

function named(name: string, { code, detail }: Warning): Warning {
  return { code, detail: `${name}: ${detail}` };
}

/** Sides of the field of view, mm. */
export function viewOf({ sizeVox, affineRas }: Pick<VolumeFacts, "sizeVox" | "affineRas">): Triple {
  const spacing = spacingOf(affineRas);
  return perAxis((a) => sizeVox[a] * spacing[a]);
}
