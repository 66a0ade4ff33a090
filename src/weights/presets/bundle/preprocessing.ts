/** The transforms before a bundle's network as pre-processing: one record a transform, in the file's order. */
import type { Preprocessing } from "../../../inference/mod.ts";
import { combined, INTENSITIES, type Intensity } from "./normalisation.ts";
import { refuse } from "../preset.ts";
import { Expression } from "./references.ts";
import type { Step } from "./step.ts";

export interface Before {
  readonly preprocessing: Preprocessing;
  /** The size of a crop from the middle, after a resize. */
  readonly centre: readonly [number, number, number] | null;
  /** The names of the images that the network's channels are, where the file loads them one by one. */
  readonly images: readonly string[];
  readonly notes: readonly string[];
}

type Triple = readonly [number, number, number];
type Event = NonNullable<Preprocessing["order"]>[number];

/** The settings that the transforms read so far amount to. */
class Reading {
  orientation = "file";
  spacingMm: Triple | null = null;
  interpolation: NonNullable<Preprocessing["interpolation"]> = "linear";
  alignment: NonNullable<Preprocessing["alignment"]> = "origin";
  margin: number | null = null;
  intensity: Intensity | null = null;
  resize: Triple | undefined;
  keepAspect = false;
  centre: Triple | null = null;
  images: readonly string[] = [];
  readonly order: Event[] = [];
  readonly notes: string[] = [];

  constructor(readonly channels: number, readonly window: Triple | null) {}

  reach(event: Event, step: Step): void {
    const again = this.order.indexOf(event);
    if (again >= 0 && (event !== "normalise" || again !== this.order.length - 1)) {
      step.refuse("expected it once, got a second one");
    }
    if (again < 0) this.order.push(event);
  }
}

/** Transforms that change neither values nor geometry of the network's input. */
const HARMLESS = new Set([
  ...[
    "LoadImage",
    "EnsureChannelFirst",
    "AddChannel",
    "AsChannelFirst",
    "EnsureType",
    "ToTensor",
    "CastToType",
    "ToDevice",
  ],
  ...["Identity", "DeleteItems", "SelectItems", "CopyItems", "ConcatItems", "SqueezeDim", "DataStats", "ToNumpy"],
]);

const MODES: Readonly<Record<string, NonNullable<Preprocessing["interpolation"]>>> = {
  ...{ bilinear: "linear", trilinear: "linear", linear: "linear", "1": "linear" },
  ...{ nearest: "nearest", "nearest-exact": "nearest", "0": "nearest", bicubic: "cubic", "3": "cubic" },
};

/** Words that name something other than an image of the network. */
const NO_IMAGE = /label|mask|seg|pred/i;

const isPositive = (text: string) => /^\$\s*lambda\s+(\w+)\s*:\s*\1\s*>\s*0(\.0*)?\s*$/.test(text);

const GEOMETRY: Readonly<Record<string, (step: Step, so: Reading) => void>> = {
  Orientation(step, so) {
    step.only("as_closest_canonical", true, false);
    const code = step.boolean("as_closest_canonical") ? "RAS" : step.text("axcodes") ?? step.refuse("expected axcodes");
    if (so.spacingMm !== null && new Set(so.spacingMm).size > 1) {
      step.refuse("expected it before Spacing, whose pixdim would have other axes");
    }
    so.orientation = code.toUpperCase();
  },
  Spacing(step, so) {
    so.reach("resample", step);
    step.only("diagonal", false);
    step.only("min_pixdim", null);
    step.only("max_pixdim", null);
    const pixdim = step.triple("pixdim") ?? step.refuse("expected pixdim");
    if (pixdim.some((mm) => !(mm > 0))) step.refuse(`expected pixdim above 0, got ${pixdim.join(", ")}`);
    so.spacingMm = pixdim;
    so.interpolation = modeOf(step);
    so.alignment = step.boolean("scale_extent") ? "extent" : "origin";
    const padding = step.word("padding_mode") ?? "border";
    if (padding !== "border" && padding !== "nearest") {
      so.notes.push(`Spacing: padding_mode ${padding} is taken as border, which concerns half a voxel at the edges`);
    }
  },
  CropForeground(step, so) {
    so.reach("crop", step);
    step.only("k_divisible", 1, null);
    step.only("channel_indices", null);
    if (NO_IMAGE.test(step.text("source_key") ?? "")) step.refuse("expected source_key to be the image");
    const select = step.raw("select_fn");
    const known = select === undefined || (select instanceof Expression && isPositive(select.text)) ||
      (typeof select === "string" && /(^|\.)is_positive$/.test(select));
    if (!known) step.refuse("expected select_fn to be absent or x > 0");
    const margins = step.numbers("margin") ?? [0];
    if (new Set(margins).size > 1) step.refuse(`expected one margin for all axes, got ${margins.join(", ")}`);
    so.margin = margins[0];
  },
  Resize(step, so) {
    so.resize = step.triple("spatial_size") ?? step.refuse("expected spatial_size");
    const mode = step.text("size_mode") ?? "all";
    so.keepAspect = mode === "longest";
    if (mode !== "all" && mode !== "longest") step.refuse(`expected size_mode all or longest, got ${mode}`);
  },
  CenterSpatialCrop(step, so) {
    so.centre = step.triple("roi_size") ?? step.refuse("expected roi_size");
  },
  SpatialPad(step, { window }) {
    const size = step.triple("spatial_size") ?? step.refuse("expected spatial_size");
    if (window === null || size.some((n, axis) => n > window[axis])) {
      step.refuse("expected spatial_size of at most the window, which is filled up anyway");
    }
  },
};

const modeOf = (step: Step) => {
  const mode = String(step.word("mode") ?? "bilinear");
  return Object.hasOwn(MODES, mode) ? MODES[mode] : step.refuse(`expected mode bilinear or nearest, got ${mode}`);
};

/** @throws {TypeError} a transform changes the input in a way that is not done here */
export function preprocessingOf(
  steps: readonly Step[],
  { channels, window }: { readonly channels: number; readonly window: Triple | null },
): Before {
  const so = new Reading(channels, window);
  for (const step of steps) {
    if (step.keys.length > 0 && step.keys.every((key) => NO_IMAGE.test(key))) continue;
    if (step.name === "LoadImage") so.images = step.keys.filter((key) => !NO_IMAGE.test(key));
    if (HARMLESS.has(step.name)) continue;
    if (Object.hasOwn(GEOMETRY, step.name)) GEOMETRY[step.name](step, so);
    else if (Object.hasOwn(INTENSITIES, step.name)) {
      so.reach("normalise", step);
      so.intensity = combined(so.intensity, INTENSITIES[step.name](step, channels), step);
    } else {
      step.refuse(
        "expected a transform that is done here: give its settings by flags or a spec.json, without the bundle's files",
      );
    }
  }
  const { intensity, order, margin, notes } = so;
  if (intensity?.kind === "clip") refuse("inference.json: expected NormalizeIntensity behind ClipIntensityPercentiles");
  const missing = (["normalise", "resample", "crop"] as const).filter((event) => !order.includes(event));
  return {
    preprocessing: {
      spacingMm: so.spacingMm,
      normalisation: [intensity ?? { kind: "none" }],
      order: [...order, ...missing],
      orientation: so.orientation,
      interpolation: so.interpolation,
      alignment: so.alignment,
      foreground: margin === null ? "whole" : "positive",
      foregroundMargin: margin,
      ...(so.resize && { resize: so.resize }),
      ...(so.keepAspect && { keepAspect: true }),
    },
    centre: so.centre,
    images: so.images.length > 1 ? so.images : [],
    notes,
  };
}
