/** Checks of a label map by its own facts, and against its case's images. */
import { type Grid, perAxis, voxelMl } from "../../volume/mod.ts";
import type { Warning } from "../types.ts";
import { Border, type BorderSide, bySide } from "./border.ts";
import type { CaseFacts } from "./case_checks.ts";
import { type Check, warningsOf } from "./check.ts";
import { boxAround, sharedOf, type WorldBox, worldBox } from "./facts.ts";

/** The facts of one value of a label map: plain JSON. */
export interface LabelValueFacts {
  readonly value: number;
  readonly voxels: number;
  readonly volumeMl: number;
  readonly border: readonly BorderSide[];
  readonly box: WorldBox;
}

/** The facts of every value of a label map but 0, ascending. Values are whole numbers. */
export function labelFactsOf({ data, ...grid }: Grid & { readonly data: Float32Array }): LabelValueFacts[] {
  const found = new Map<number, { voxels: number; border: Border; low: number[]; high: number[] }>();
  const [nx, ny, nz] = grid.sizeVox;
  let i = -1;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++) {
        const value = data[++i];
        if (value === 0) continue;
        let of = found.get(value);
        if (of === undefined) {
          found.set(value, of = { voxels: 0, border: new Border(grid), low: [x, y, z], high: [x, y, z] });
        }
        of.voxels++;
        of.border.add(i);
        if (y < of.low[1]) of.low[1] = y;
        if (z < of.low[2]) of.low[2] = z;
        if (y > of.high[1]) of.high[1] = y;
        if (z > of.high[2]) of.high[2] = z;
        of.high[0] = x;
      }
    }
  }
  const ml = voxelMl(grid.affineRas);
  return [...found].sort(([a], [b]) => a - b).map(([value, { voxels, border, low, high }]) => ({
    value,
    voxels,
    volumeMl: voxels * ml,
    border: border.sides(),
    box: worldBox({ start: perAxis((a) => low[a]), end: perAxis((a) => high[a] + 1) }, grid.affineRas),
  }));
}

/** A label map and the images that it belongs to. */
export interface LabelledCase {
  readonly labels: readonly LabelValueFacts[];
  readonly images: CaseFacts;
}

/** Below this share of the labels' box inside the tissue's box, the label map lies elsewhere than the head. */
const LEAST_INSIDE = 0.5;

export const LABEL_CHECKS = {
  "label-at-border": {
    when: "A label reaches the border of its label map's field of view.",
    weight: "noted",
    find: ({ labels }) => {
      const cut = labels.filter((l) => l.border.length > 0).map(({ value, voxels, border }) =>
        `label ${value} with ${bySide(border)}, of ${voxels} voxels`
      );
      return cut.length === 0 ? [] : [
        `the border of the field of view cuts ${cut.join("; ")}; the part outside is in no volume; the rest is used; ` +
        "check that the file is not cut",
      ];
    },
  },
  "label-outside-tissue": {
    when: "Less than half of the box around the labels lies in the box around an image's tissue.",
    weight: "loud",
    find: ({ labels, images }) => {
      if (labels.length === 0) return [];
      const box = labels.map((l) => l.box).reduce(boxAround);
      return Object.entries(images).flatMap(([role, facts]) => {
        if (facts?.foreground.kind !== "part" || !facts.positioned) return [];
        const share = sharedOf(box, facts.foreground.box!);
        if (share >= LEAST_INSIDE) return [];
        return [
          `${Math.round(share * 100)} % of the box around the labels lies in the box around the tissue of ${role}, ` +
          `expected at least ${LEAST_INSIDE * 100} %; it is used where its header places it; check the affine of the ` +
          "label map",
        ];
      });
    },
  },
} as const satisfies Readonly<Record<string, Check<LabelledCase>>>;

/** The doubts about a label map, from its facts and those of the case's images. */
export function labelDoubts(labelled: LabelledCase): Warning[] {
  return warningsOf<LabelledCase>(LABEL_CHECKS, labelled);
}
