/** The axes that crops may be mirrored along, not those whose direction the labels or classes name; and those that they are. */
import type { Label, Warning } from "../../inference/mod.ts";
import { AXES, type Axis } from "./augmentation.ts";
import type { ResolvedRecipe } from "./finetuning_settings.ts";

type NamedLabel = Pick<Label, "name" | "value" | "sourceValues">;

export interface MirrorAxes {
  readonly axes: Axis[];
  /** A sentence for users. */
  readonly reason: string;
}

/** Words that name a direction along an axis, in lower case, and the axis in words. */
const DIRECTIONS: Readonly<Record<Axis, { readonly named: string; readonly words: readonly string[] }>> = {
  x: {
    named: "left and right",
    words: ["left", "right", "lh", "rh", "l", "r", "lt", "rt", "links", "rechts", "gauche", "droite", "droit"],
  },
  y: {
    named: "front and back",
    words: ["anterior", "posterior", "ant", "post", "front", "back", "rostral", "caudal", "frontal", "occipital"],
  },
  z: {
    named: "up and down",
    words: ["superior", "inferior", "sup", "inf", "upper", "lower", "top", "bottom", "dorsal", "ventral"],
  },
};

/** FreeSurfer's numbers of structures that stand on both sides: left → right. */
const FREESURFER_PAIRS: ReadonlyMap<number, number> = new Map([
  ...[[2, 41], [3, 42], [4, 43], [5, 44], [6, 45], [7, 46], [8, 47], [10, 49], [11, 50], [12, 51], [13, 52]],
  ...[[17, 53], [18, 54], [19, 55], [20, 56], [25, 57], [26, 58], [27, 59], [28, 60], [30, 62], [31, 63], [78, 79]],
].map(([left, right]) => [left, right]));

/** Smaller numbers are also what people count their own labels by. */
const LEAST_ALONE = 10;

/**
 * The axes along which a mirrored case has the same labels. A label or class whose name holds a direction keeps its axis,
 * and so do FreeSurfer's numbers of one side.
 */
export function mirrorAxes(labels: readonly NamedLabel[], classes: readonly string[]): MirrorAxes {
  const names = [...labels.map(({ name }) => name), ...classes];
  const kept: string[] = [];
  const axes = AXES.filter((axis) => {
    const { named, words } = DIRECTIONS[axis];
    const found = names.filter((name) => wordsOf(name).some((word) => words.includes(word)));
    const numbers = axis === "x" && found.length === 0 ? sidedNumbers(labels) : [];
    if (found.length > 0) kept.push(`${axis}, because ${listed(found)} name${found.length === 1 ? "s" : ""} ${named}`);
    if (numbers.length > 0) {
      kept.push(
        `${axis}, because ${listed(numbers)} ${
          numbers.length === 1 ? "is FreeSurfer's number" : "are FreeSurfer's numbers"
        } of one side`,
      );
    }
    return found.length === 0 && numbers.length === 0;
  });
  const mirrored = axes.length === 0 ? "Mirrors no crop" : `Mirrors crops along ${listed(axes)}`;
  if (kept.length === 0) return { axes, reason: `${mirrored}: no label names a direction.` };
  return { axes, reason: `${mirrored}; not along ${kept.join("; not along ")}.` };
}

/** Axes along which a recipe mirrors crops, each by a coin of its own; a coin for all of them together shows no single one. */
export function mirroredAxes({ flips, augmentation }: Pick<ResolvedRecipe, "flips" | "augmentation">): (0 | 1 | 2)[] {
  if (flips === "joint") return [];
  const coined = flips === "axes" ? AXES : flips, allowed = augmentation?.mirror ?? AXES;
  return ([0, 1, 2] as const).filter((a) => coined.includes(AXES[a]) && allowed.includes(AXES[a]));
}

/**
 * Warns of a recipe that mirrors crops along an axis whose direction labels or classes name, so that half of what it shows
 * under one name is the other.
 */
export function mirrorWarnings(
  { flips, augmentation }: Pick<ResolvedRecipe, "flips" | "augmentation">,
  { labels, classes }: { readonly labels: readonly NamedLabel[]; readonly classes: readonly string[] },
): Warning[] {
  const { axes, reason } = mirrorAxes(labels, classes);
  const mirrored = mirroredAxes({ flips: flips === "joint" ? "axes" : flips, augmentation }).map((a) => AXES[a]);
  const wrong = mirrored.filter((axis) => !axes.includes(axis));
  if (wrong.length === 0) return [];
  const detail = `The recipe mirrors crops along ${listed(wrong)}, whose direction labels or classes name (${
    reason.slice(reason.indexOf(";") + 2, -1)
  }): half of the crops show one in the place of the other. Give flips as the list of the other axes, or the preset auto`;
  return [{ code: "sides-mirrored", detail }];
}

/** The words of a name: parts between other characters than letters, and parts that begin with a capital. */
const wordsOf = (name: string) =>
  name.replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2").toLowerCase().split(/[^\p{L}]+/u).filter((word) => word !== "");

/**
 * The numbers whose twin of the other side is another label or, of numbers that only FreeSurfer uses, none. Labels that are
 * counted 1, 2, 3, … are nobody's numbers but their own.
 */
function sidedNumbers(labels: readonly NamedLabel[]): number[] {
  const owners = new Map(labels.flatMap(({ value, sourceValues = [value] }, k) => sourceValues.map((v) => [v, k])));
  let counted = 0;
  while (owners.has(counted + 1)) counted++;
  if (counted === owners.size) return [];
  return [...FREESURFER_PAIRS].flatMap(([left, right]) => {
    const own = [left, right].filter((v) => owners.has(v));
    if (own.length === 2) return owners.get(left) === owners.get(right) ? [] : own;
    return own.filter((v) => v >= LEAST_ALONE);
  });
}

/** At most three of them, in words. */
function listed(items: readonly (string | number)[]): string {
  const shown = items.slice(0, 3).map(String);
  if (items.length > 3) return `${shown.join(", ")} and ${items.length - 3} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
