/**
 * The rules by which the preset auto plans a fine-tune. A rule looks at the fingerprint and the circumstances, and returns
 * the values that it decides with its reason in one sentence. Nothing here is measured on the device; `time.ts` allots that.
 */
import type { Label, ModelSpec } from "../../inference/mod.ts";
import { perAxis, type Triple } from "../../volume/mod.ts";
import { LIGHT_AUGMENTATION, STRONG_AUGMENTATION } from "../recipe/augmentation.ts";
import { mirrorAxes } from "../recipe/mirror_axes.ts";
import { budgetOf, type PlannedValues, type Recipe } from "../recipe/finetuning.ts";
import { CROP_EDGE } from "../recipe/settings.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** All that rules know besides the data. */
export interface Circumstances {
  /** Minutes of the job; null: the recipe counts updates. */
  readonly budgetMinutes: number | null;
  readonly baseHasTemplates: boolean;
  /** Spacing that the base was trained at; null: that of each file. */
  readonly baseSpacingMm: Triple | null;
  readonly labels: readonly Label[];
}

export interface Ruling {
  readonly values: PlannedValues;
  readonly reason: string;
}

type Rule = (data: Fingerprint, given: Circumstances) => Ruling;

/** The rules in the order in which their reasons are printed. */
const RULES: readonly Rule[] = [
  spacing,
  window,
  crops,
  competition,
  startBias,
  augmentation,
  mirroring,
  templates,
  folds,
];

export interface Rulings {
  readonly values: PlannedValues;
  readonly reasons: readonly string[];
}

/** The values of all rules, and their reasons. */
export function rulesFor(data: Fingerprint, given: Circumstances): Rulings {
  const all = RULES.map((rule) => rule(data, given)).filter(({ reason }) => reason !== "");
  return {
    values: all.reduce((values, ruling) => ({ ...values, ...ruling.values }), {}),
    reasons: all.map(({ reason }) => reason),
  };
}

const NONE: Ruling = { values: {}, reason: "" };

const by = (values: readonly number[]) => values.map((v) => Number(v.toPrecision(3))).join("×");

/** Images whose spacing is within this factor of the base's are brought to the base's. */
const NEAR = 1.5;
/** Components of fewer voxels at the base's spacing would be lost by it. */
const LEAST_COMPONENT = 50;

/** The spacing of the network's grid. */
export function targetSpacing(
  data: Fingerprint,
  { baseSpacingMm: base }: Pick<Circumstances, "baseSpacingMm">,
): Triple {
  const median = data.spacingMm.median;
  if (base === null) return median;
  const isSmall = data.labels.some(({ medianMl, components }) =>
    components > 0 && 1000 * medianMl / components / (base[0] * base[1] * base[2]) < LEAST_COMPONENT
  );
  return perAxis((a) => {
    if (median[a] > base[a] * NEAR) return median[a];
    return median[a] < base[a] / NEAR && isSmall ? median[a] : base[a];
  });
}

/** Keeps the base's spacing unless the images are coarser, or finer with labels that would be lost. */
export function spacing(data: Fingerprint, given: Circumstances): Ruling {
  const { baseSpacingMm: base } = given, median = data.spacingMm.median;
  if (base === null) return { values: {}, reason: "Spacing: each file's own, as the base was trained." };
  const target = targetSpacing(data, given);
  const of = `the images' median of ${by(median)} mm`;
  if (target.every((mm, a) => mm === base[a])) {
    return { values: {}, reason: `Spacing ${by(base)} mm: the base's, since ${of} is near it or finer.` };
  }
  const why = target.some((mm, a) => mm > base[a])
    ? "along axes that are coarser than the base's, nothing is invented between slices"
    : `parts of labels would have fewer than ${LEAST_COMPONENT} voxels at the base's`;
  return { values: { spacingMm: target }, reason: `Spacing ${by(target)} mm instead of ${by(base)}: ${of}; ${why}.` };
}

/** The most voxels of a window that holds whole images, and the edges of windows that do not. */
const WHOLE_IMAGE_VOXELS = 64 ** 3;
const WIDE_EDGE = 64;
const SMALL_EDGE = 48;
/**
 * Below this, an update of the wide window comes too rarely: it takes twice as long and teaches hardly more (docs/method
 * B.3.3). Two patients with lesions, two views, 5 minutes of two cores: 223 updates and Dice 0.28 on a third.
 */
const WIDE_MINUTES = 30;

const toStep = (voxels: number) =>
  Math.min(Math.max(Math.ceil(voxels / CROP_EDGE.multiple) * CROP_EDGE.multiple, CROP_EDGE.multiple), CROP_EDGE.most);

/** The median image on the network's grid, voxels. */
function medianImage(data: Fingerprint, given: Circumstances): Triple {
  const target = targetSpacing(data, given);
  return perAxis((a) => Math.round(data.extentMm[a] / target[a]));
}

/** The window that holds whole images; null where they are too large for that. */
function wholeWindow(data: Fingerprint, given: Circumstances): { roi: Triple; size: Triple; of: string } | null {
  const target = targetSpacing(data, given);
  const largest = perAxis((a) => Math.round(data.sizeVox.most[a] * data.spacingMm.median[a] / target[a]));
  for (const [size, of] of [[largest, "largest"], [medianImage(data, given), "median"]] as const) {
    const roi = perAxis((a) => toStep(size[a]));
    if (roi[0] * roi[1] * roi[2] <= WHOLE_IMAGE_VOXELS) return { roi, size, of };
  }
  return null;
}

const hasTime = ({ budgetMinutes }: Circumstances) => budgetMinutes === null || budgetMinutes >= WIDE_MINUTES;

/** A window that holds the whole image where that is small, else a cube as large as the time allows. */
export function window(data: Fingerprint, given: Circumstances): Ruling {
  if (data.task === "classification") return NONE;
  const held = wholeWindow(data, given);
  if (held !== null) {
    const { roi, size, of } = held;
    return { values: { roi }, reason: `Window ${by(roi)}: it holds the ${of} image of ${by(size)} voxels at once.` };
  }
  const image = medianImage(data, given), whole = perAxis((a) => toStep(image[a]));
  const isWide = hasTime(given);
  const edge = isWide ? WIDE_EDGE : SMALL_EDGE;
  const roi = perAxis((a) => Math.min(edge, whole[a]));
  const why = isWide ? "sees more around a voxel" : `less than ${WIDE_MINUTES} minutes need quick updates`;
  return { values: { roi }, reason: `Window ${by(roi)} of images of ${by(image)} voxels: ${why}.` };
}

/** Labels of a smaller share of the image are rare. */
const RARE = 0.01;

/** More crops around labelled voxels where these are rare. */
export function crops({ task, labels }: Fingerprint): Ruling {
  if (task === "classification" || labels.length === 0) return NONE;
  const rarest = labels.reduce((least, label) => label.share < least.share ? label : least);
  const isRare = rarest.share < RARE;
  const share = percent(rarest.share);
  return isRare
    ? {
      values: { lesionShare: 0.5 },
      reason: `Half of the crops lie around labels: ${rarest.name} has ${share} of the voxels.`,
    }
    : {
      values: { lesionShare: 0.33 },
      reason: `A third of the crops lie around labels: even the rarest, ${rarest.name}, has ${share} of the voxels.`,
    };
}

/** Says how labels are told apart, which the recipe decides from their values. */
export function competition({ exclusive, labels }: Fingerprint): Ruling {
  if (labels.length < 2) return NONE;
  const reason = exclusive
    ? "One label a voxel, or none, by a softmax: no two labels share a value."
    : "Each label by itself: some share values of the label maps.";
  return { values: {}, reason };
}

const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;

const LEAST_BIAS = -5;
const MOST_BIAS = -1;

/** The first logit is that of a label's usual share of a crop, so that no update is spent on learning it. */
export function startBias(data: Fingerprint, given: Circumstances): Ruling {
  const { labels } = data, { roi } = window(data, given).values;
  if (labels.length === 0 || roi === undefined) return NONE;
  const target = targetSpacing(data, given);
  const cropMl = roi[0] * roi[1] * roi[2] * target[0] * target[1] * target[2] / 1000;
  const shares = labels.map(({ medianMl, components }) => Math.min(medianMl / Math.max(components, 1) / cropMl, 0.5));
  const share = Math.max(shares.reduce((a, b) => a + b, 0) / shares.length, 1e-4);
  const bias = Math.min(Math.max(Math.log(share / (1 - share)), LEAST_BIAS), MOST_BIAS);
  const rounded = Number(bias.toFixed(1));
  return {
    values: { headBias: rounded },
    reason: `Start of the head's bias ${rounded}: a part of a label fills ${percent(share)} of a window.`,
  };
}

/**
 * Strong changes of every crop, mirrored along axes that no label or class names a direction of. Windows of large images in
 * little time have enough to learn from what they show: after 500 updates on two simulated heads with lesions, Dice on a
 * third was 0.17 by strong changes and 0.37 without; on whole hippocampi after 300 updates, 0.81 and 0.79.
 */
export function augmentation(data: Fingerprint, given: Circumstances): Ruling {
  const { axes, reason } = mirrorAxes(given.labels, Object.keys(data.classes));
  const isWhole = wholeWindow(data, given) !== null;
  const isStrong = data.task === "classification" || hasTime(given) || isWhole;
  const kind = isStrong ? STRONG_AUGMENTATION : LIGHT_AUGMENTATION;
  const what = isStrong
    ? `Strong augmentation, as nnU-Net's${isWhole ? ": small images gain by it (docs/finetuning.md)" : ""}`
    : `Light augmentation, mirrors and contrasts: with less than ${WIDE_MINUTES} minutes for large images, strong ` +
      "changes leave too little learnt";
  return { values: { augmentation: { ...kind, mirror: axes } }, reason: `${what}. ${reason}` };
}

/**
 * Means over mirrored windows where one window holds the image. Of 21 hippocampi they gave 1.3 ± 0.2 points of Dice (docs/
 * finetuning.md). A head has hundreds of windows, whose work each axis would double.
 */
export function mirroring(data: Fingerprint, given: Circumstances): Ruling {
  if (data.task === "classification" || wholeWindow(data, given) === null) return NONE;
  const { axes } = mirrorAxes(given.labels, []);
  if (axes.length === 0) return NONE;
  return {
    values: { mirroredWindows: true },
    reason: `Answers are means over ${
      2 ** axes.length
    } mirrored windows: one window holds the image, so they cost little.`,
  };
}

/** The least field of view of a head, mm. */
const HEAD_MM = 110;

/**
 * Templates stand for modalities of a head: not of one modality, not of a part of it. Their two views take twice the time,
 * which little time does not repay (docs/finetuning.md, settings that were tried).
 */
export function templates({ modalities, extentMm }: Fingerprint, given: Circumstances): Ruling {
  const oneView = (why: string): Ruling => ({
    values: { templates: false },
    reason: `One view of each crop, no templates: ${why}.`,
  });
  if (!given.baseHasTemplates) return oneView("the base has none");
  if (modalities.length === 1) {
    return oneView("with one modality there is none left that a template could stand beside");
  }
  if (extentMm.some((mm) => mm < HEAD_MM)) return oneView(`images of ${by(extentMm)} mm do not show a head`);
  if (!hasTime(given)) return oneView(`two views take twice the time, and there are less than ${WIDE_MINUTES} minutes`);
  return {
    values: { templates: true },
    reason: `Two views of each crop with the base's templates: ${modalities.length} modalities of whole heads.`,
  };
}

/** Up to this many patients are left out one by one. */
const ONE_BY_ONE = 3;
const FEW_FOLDS = 4;
const MANY = 10;
const MANY_FOLDS = 5;

/** Folds that hold out a quarter or a fifth of the patients; of two or three, one. */
export function folds({ patients }: Fingerprint): Ruling {
  if (patients < 2) return { values: {}, reason: "No folds: one patient cannot be held out, so nothing is measured." };
  if (patients <= ONE_BY_ONE) {
    return { values: { validation: { folds: patients } }, reason: `${patients} folds: each patient is held out once.` };
  }
  const count = Math.min(patients >= MANY ? MANY_FOLDS : FEW_FOLDS, patients);
  return {
    values: { validation: { folds: count } },
    reason: `${count} folds of ${patients} patients, ${Math.floor(patients / count)}${
      patients % count === 0 ? "" : ` or ${Math.ceil(patients / count)}`
    } held out by each.`,
  };
}

/** The rules' values and reasons; none where the preset counts updates. */
export function rulingsFor(
  data: Fingerprint,
  { recipe, baseHasTemplates, request: { base, labels } }: {
    readonly recipe: Recipe;
    readonly baseHasTemplates: boolean;
    readonly request: { readonly base: { readonly spec: ModelSpec }; readonly labels: readonly Label[] };
  },
): Rulings {
  if (recipe.preset !== "auto") return { values: {}, reasons: [`The preset ${recipe.preset} decides.`] };
  return rulesFor(data, {
    budgetMinutes: budgetOf(recipe),
    baseHasTemplates,
    labels,
    baseSpacingMm: base.spec.preprocessing.spacingMm,
  });
}
