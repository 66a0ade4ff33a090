/** nnU-Net's DefaultPreprocessor as settings: crop to what is not 0, normalise there, resample by the field of view. */
import type { Normalisation, Preprocessing } from "../../../inference/mod.ts";
import { type Preset, refuse } from "../preset.ts";
import type { Configuration, Plans } from "./plans.ts";

/** The directions of the arrays that nnU-Net's readers give; all have the axes of the file backwards: Z, Y, X. */
const READERS: Readonly<Record<string, string>> = {
  SimpleITKIO: "file",
  NibabelIO: "file",
  NibabelIOWithReorient: "RAS",
  SimpleITKIOWithReorient: "RAS",
};
const ARRAY_AXES = "ZYX";

/** Beyond this ratio of voxel edges nnU-Net resamples the longest one by itself (`ANISO_THRESHOLD`). */
const ANISOTROPY = 3;

const INTERPOLATIONS: Readonly<Record<number, NonNullable<Preprocessing["interpolation"]>>> = {
  0: "nearest",
  1: "linear",
  3: "cubic",
};

type Intensities = NonNullable<Plans["foreground_intensity_properties_per_channel"]>[string];

interface Channel {
  readonly masked: boolean;
  readonly intensities: () => Intensities;
}

/** nnU-Net's schemes of normalisation; statistics are taken over the crop, or over the mask in it. */
const SCHEMES: Readonly<Record<string, (channel: Channel) => Normalisation>> = {
  ZScoreNormalization: ({ masked }) => ({ kind: "z-score", over: masked ? "mask" : "volume" }),
  CTNormalization({ intensities }) {
    const { mean, std, percentile_00_5, percentile_99_5 } = intensities();
    return { kind: "fixed", mean, deviation: Math.max(std, 1e-8), clip: [percentile_00_5, percentile_99_5] };
  },
  RescaleTo01Normalization: () => ({ kind: "min-max", over: "volume", to: [0, 1] }),
  RGBTo01Normalization: () => ({ kind: "range", from: [0, 255], to: [0, 1], clip: false }),
  NoNormalization: () => ({ kind: "none" }),
};

/** @throws {TypeError} the plans ask for work that is not done here */
export function preprocessingOf(plans: Plans, configuration: Configuration, channels: number): Preprocessing {
  const { preprocessor_name = "DefaultPreprocessor", spacing } = configuration;
  if (preprocessor_name !== "DefaultPreprocessor") {
    refuse(`plans.json: expected the preprocessor DefaultPreprocessor, got ${preprocessor_name}`);
  }
  const reader = plans.image_reader_writer;
  const orientation = Object.hasOwn(READERS, reader) ? READERS[reader] : refuse(
    `plans.json: expected an image_reader_writer among ${Object.keys(READERS).join(", ")}, got ${reader}`,
  );
  return {
    ...resamplingOf(configuration),
    ...(configuration.resampling_fn_data === "no_resampling_data_or_seg_to_shape" ? { spacingMm: null } : {
      spacingMm: spacing,
    }),
    orientation,
    axes: plans.transpose_forward.map((axis) => ARRAY_AXES[axis]).join(""),
    normalisation: normalisationsOf(plans, configuration, channels),
    order: ["crop", "normalise", "resample"],
    alignment: "extent",
    foreground: "nonzero",
    foregroundMargin: 0,
  };
}

const RESAMPLINGS = ["resample_data_or_seg_to_shape", "no_resampling_data_or_seg_to_shape"];

function resamplingOf(configuration: Configuration): Pick<Preprocessing, "interpolation" | "separateAxis"> {
  const { resampling_fn_data: image = RESAMPLINGS[0], resampling_fn_data_kwargs: settings = {} } = configuration;
  const { resampling_fn_probabilities: back = image, resampling_fn_probabilities_kwargs: way = {} } = configuration;
  for (const name of [image, back]) {
    if (!RESAMPLINGS.includes(name)) {
      refuse(`plans.json: expected resampling by ${RESAMPLINGS.join(" or ")}, got ${name}`);
    }
  }
  const { order = 3, order_z = 0, force_separate_z = null } = settings;
  if ((way.order ?? 1) !== 1) {
    refuse(`plans.json: expected probabilities to be resampled with order 1, got ${way.order}`);
  }
  const named = (value: number, what: string) =>
    INTERPOLATIONS[value] ?? refuse(`plans.json: expected ${what} 0, 1 or 3, got ${value}`);
  const separate = force_separate_z === false ? null : {
    above: force_separate_z === true ? 1 : ANISOTROPY,
    interpolation: named(order_z, "order_z"),
  };
  return { interpolation: named(order, "order"), ...(separate && { separateAxis: separate }) };
}

function normalisationsOf(plans: Plans, configuration: Configuration, channels: number): readonly Normalisation[] {
  const { normalization_schemes: schemes, use_mask_for_norm: masks } = configuration;
  if (schemes.length !== channels || masks.length !== channels) {
    refuse(
      `plans.json: expected normalization_schemes and use_mask_for_norm for ${channels} channels, ` +
        `got ${schemes.length} and ${masks.length}`,
    );
  }
  const known = plans.foreground_intensity_properties_per_channel ??
    plans.foreground_intensity_properties_by_modality ?? {};
  return schemes.map((name, channel) => {
    const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : refuse(
      `plans.json: expected normalization_schemes among ${Object.keys(SCHEMES).join(", ")}, got ${name}`,
    );
    const intensities = () =>
      known[channel] ??
        refuse(`plans.json: expected foreground_intensity_properties_per_channel of ${channel}, got none`);
    return scheme({ masked: masks[channel], intensities });
  });
}

interface PostprocessingFile {
  readonly postprocessing_fns?: unknown;
  readonly postprocessing_kwargs?: unknown;
}

/** The steps of nnU-Net's `postprocessing.json`, by label values. @throws {TypeError} a step that is not done here */
export function postprocessingOf(
  { postprocessing_fns: steps, postprocessing_kwargs: settings }: PostprocessingFile,
  labels: NonNullable<Preset["spec"]["labels"]>,
): NonNullable<Preset["inference"]["postprocessing"]> {
  if (!Array.isArray(steps) || !Array.isArray(settings) || steps.length !== settings.length) {
    refuse("postprocessing.json: expected postprocessing_fns with as many postprocessing_kwargs");
  }
  return steps.map((name, i) => {
    if (name !== "remove_all_but_largest_component_from_segmentation") {
      refuse(`postprocessing.json: expected remove_all_but_largest_component_from_segmentation, got ${name}`);
    }
    const values = [settings[i]?.labels_or_regions].flat(2);
    const named = labels.filter(({ value, sourceValues = [value] }) => sourceValues.some((v) => values.includes(v)));
    if (named.length === 0) refuse(`postprocessing.json: expected labels of dataset.json, got ${values.join(", ")}`);
    return { kind: "largest-component", labels: named.map((l) => l.name), together: true };
  });
}
