/** The fields that say how volumes become the network's input: each fills a setting of the package's pre-processing. */
import { ALIGNMENTS, FOREGROUNDS, INTERPOLATIONS } from "../../inference/mod.ts";
import { specSchema } from "../../registry/mod.ts";
import { NORMALISATION_HELP, readNormalisation } from "./normalisation.ts";
import { numberOf, setting, type SettingField, triple, yesOrNo } from "./setting.ts";

const { shape } = specSchema.shape.preprocessing;
const oneOf = (words: readonly string[]) => `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

export const PREPROCESSING_FIELDS = {
  spacing: setting("spacingMm", shape.spacingMm, {
    value: "MM|X,Y,Z|own",
    expected: "a voxel size in mm, three for the network's axes, or own",
    help: "Voxel size that the network sees, mm; own: the file's, without resampling. Default 1",
    read: (text) => text === "own" ? null : triple(text),
  }),
  orientation: setting("orientation", shape.orientation.unwrap(), {
    value: "CODE|file",
    expected: "directions such as RAS or LPS, or file",
    help:
      "Directions of the axes X, Y, Z: one of the 48 codes (RAS: towards right, anterior, superior), or file: the " +
      "file's own. Default RAS",
  }),
  axes: setting("axes", shape.axes.unwrap(), {
    value: "XYZ|ZYX|…",
    expected: "an order of the letters X, Y and Z",
    help: "Order in which the network has these axes; nnU-Net and SimpleITK have ZYX. Default XYZ",
  }),
  normalisation: setting("normalisation", shape.normalisation.unwrap(), {
    value: "LIST",
    expected: NORMALISATION_HELP,
    help: `Intensities, for all channels or one for each with ; between: ${NORMALISATION_HELP}`,
    read: readNormalisation,
  }),
  interpolation: setting("interpolation", shape.interpolation.unwrap(), {
    value: INTERPOLATIONS.join("|"),
    expected: oneOf(INTERPOLATIONS),
    help: "Of images when they are resampled. Default linear",
  }),
  alignment: setting("alignment", shape.alignment.unwrap(), {
    value: ALIGNMENTS.join("|"),
    expected: oneOf(ALIGNMENTS),
    help: "What stays in place when a volume is resampled: origin is MONAI's Spacing, extent nnU-Net's and MONAI's " +
      "Resize. Default world",
  }),
  foreground: setting("foreground", shape.foreground.unwrap(), {
    value: FOREGROUNDS.join("|"),
    expected: oneOf(FOREGROUNDS),
    help:
      "What the crop keeps and what may be labelled: tissue is found in the files, whole keeps everything. Default " +
      "tissue",
  }),
  margin: setting("foregroundMargin", shape.foregroundMargin, {
    value: "N|none",
    expected: "a whole number of voxels from 0 to 512, or none",
    help: "Voxels around the foreground that the crop keeps; none: no crop. Default 1",
    read: (text) => text === "none" ? null : numberOf(text),
  }),
  resize: setting("resize", shape.resize.unwrap(), {
    value: "N|X,Y,Z",
    expected: "a size in voxels, or three",
    help: "Classification: the size that volumes are resized to. Default: the window",
    read: triple,
  }),
  keepAspect: setting("keepAspect", shape.keepAspect.unwrap(), {
    value: "true|false",
    expected: "true or false",
    help: "Classification: resizes by one factor for all axes and fills the rest with 0. Default false",
    read: yesOrNo,
  }),
} satisfies Readonly<Record<string, SettingField>>;
